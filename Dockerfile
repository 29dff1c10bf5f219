# bench on the CPU, with the exact versions of constraints.txt, as a user without rights.
#
#   docker build -t emotion-video-bench .
#   docker run --rm emotion-video-bench                       the commands that there are (`bench --help`)
#   docker run --rm --shm-size 1g -v bench:/data emotion-video-bench run --variant additive_text
#   docker run --rm -v bench:/data emotion-video-bench compare
#
# The volume `bench` keeps what is made: records in /data/results, rendered clips in /data/cache. --shm-size is for the
# processes that read clips: they hand over batches in shared memory, of which a container has 64 MB otherwise.
# Records made in a container name the version of bench but no commit: the image has no git history.
# Videos of yours: -v "$PWD/clips:/clips:ro", and --root /clips or --videos /clips.
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

WORKDIR /src
COPY constraints.txt .
# PyTorch's own index has builds without CUDA, which save several GB; what torch needs comes from PyPI below
RUN pip install --no-deps --index-url https://download.pytorch.org/whl/cpu "$(grep '^torch==' constraints.txt)"
COPY . .
RUN pip install -c constraints.txt .

RUN useradd --create-home --uid 1000 bench && install --directory --owner bench --group bench /data
USER bench
ENV BENCH_HOME=/data/cache HF_HOME=/data/cache/huggingface
WORKDIR /data
VOLUME /data
ENTRYPOINT ["bench"]
CMD ["--help"]
