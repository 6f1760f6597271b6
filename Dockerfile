# gsanet serve in a container: the light installation (ONNX Runtime, no PyTorch), as a user without rights.
#
#   docker build -t gsanet .
#   docker run --rm -p 127.0.0.1:7860:7860 -e GSANET_TOKEN="$(openssl rand -hex 16)" gsanet
#
# tests/serve/container.sh runs the same steps where there is no builder.
FROM python:3.11-slim AS wheel
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.11-slim
COPY constraints.txt /tmp/constraints.txt
COPY --from=wheel /wheels /wheels
RUN pip install --no-cache-dir -c /tmp/constraints.txt "$(echo /wheels/*.whl)[serve]" && rm -r /wheels
RUN useradd --create-home --uid 10001 gsanet
USER gsanet
WORKDIR /home/gsanet
ENV PYTHONUNBUFFERED=1
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/v1/health', timeout=4)"]
# Without GSANET_TOKEN it ends at once, and says why.
CMD ["gsanet", "serve", "--host", "0.0.0.0"]
