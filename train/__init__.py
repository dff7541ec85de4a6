"""Training of DeResUNet: `python -m train fit --config train/configs/NAME.yaml`. Needs `deresunet`, never the reverse."""
