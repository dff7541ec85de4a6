"""The Ablation tab: one frame under each modality."""
