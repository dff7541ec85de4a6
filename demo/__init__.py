"""The inspector: a Gradio page over `deresunet`."""
