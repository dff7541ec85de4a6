"""Training of DeResUNet: `python -m train fit --config train/configs/NAME.yaml`. `deresunet` does not need it."""
