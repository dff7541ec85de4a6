"""python -m demo.deploy: puts the inspector on a Hugging Face Space."""
