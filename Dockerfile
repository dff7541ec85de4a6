# The inspector in a container, on the CPU, or on CUDA with the drivers of the machine (nvidia-container-toolkit):
#   docker build -t deresunet .
#   docker build -t deresunet:cuda --build-arg TORCH=cu130 .
#   docker run --rm -p 7860:7860 deresunet
#   docker run --rm -p 7860:7860 --gpus all deresunet:cuda
# What comes after the image's name goes to app.py: docker run ... deresunet --root-path /rooms
FROM python:3.11-slim

# Which of PyTorch's own builds: cpu, or cu130, ... as https://pytorch.org lists them for the release in constraints.txt.
ARG TORCH=cpu

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    GRADIO_ANALYTICS_ENABLED=False \
    GRADIO_TEMP_DIR=/tmp/gradio

RUN useradd --create-home --uid 1000 app
WORKDIR /app

# Before the code, so that a change of it does not install everything again; torch first, or the next line would take
# PyPI's build of it, and without what it needs, which that line takes from PyPI in the tested versions.
COPY requirements-linux.txt constraints.txt ./
RUN python -m pip install -c constraints.txt --no-deps --index-url "https://download.pytorch.org/whl/${TORCH}" \
        "torch>=2.8" "torchvision>=0.23" \
    && python -m pip install -c constraints.txt -r requirements-linux.txt

COPY LICENSE app.py ./
COPY deresunet ./deresunet
COPY demo ./demo

USER 1000
EXPOSE 7860
# Segments a small frame, with or without accounts; loading the weights comes before the first answer.
HEALTHCHECK --interval=60s --timeout=25s --start-period=90s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/healthz', timeout=24)"]
ENTRYPOINT ["python", "app.py", "--host", "0.0.0.0", "--port", "7860"]
