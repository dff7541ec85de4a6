"""Distillation: the teacher, its features, and all stages from one command."""
