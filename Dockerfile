# One image for every process: `docker run directpay api`, `... stream`, and so on (docs/settings.md has the settings).
FROM python:3.13-slim AS build
WORKDIR /source
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
COPY requirements.lock requirements-dev.lock ./
RUN python -m venv /opt/directpay \
 && /opt/directpay/bin/pip install --no-cache-dir --require-hashes -r requirements.lock \
 && python -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements-dev.lock
COPY . .
# The wheel is built with the locked tools and installed without looking for anything else. Its rules and wire codec are C.
RUN DIRECTPAY_COMPILED=1 /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/directpay/bin/pip install --no-cache-dir --no-deps /wheels/*.whl

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/directpay directpay
COPY --from=build /opt/directpay /opt/directpay
ENV PATH=/opt/directpay/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DIRECTPAY_STATE_DIR=/var/lib/directpay/state
USER directpay
WORKDIR /var/lib/directpay
RUN mkdir state shared
VOLUME /var/lib/directpay/state
ENTRYPOINT ["directpay"]
CMD ["--help"]
