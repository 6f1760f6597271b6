"""Hand a clip to `gsanet serve`, wait, and save what came of it. It needs httpx.

python examples/client.py http://127.0.0.1:7860 holiday.mp4 out '{"quality": "best"}'
"""

import os
import sys
import time
from pathlib import Path

import httpx

address, clip, out, options = [*sys.argv[1:], "{}"][:4]
token = {"authorization": f"Bearer {os.environ['GSANET_TOKEN']}"} if "GSANET_TOKEN" in os.environ else {}
try:
    with httpx.Client(base_url=address, headers=token, timeout=60) as service, Path(clip).open("rb") as file:
        while (answer := service.post("/v1/jobs", files={"file": file}, data={"options": options})).status_code == 429:
            time.sleep(int(answer.headers["retry-after"]))  # too many jobs wait
            file.seek(0)
        job = answer.json()
        while job.get("state") in ("waiting", "running"):
            time.sleep(0.5)
            job = service.get(f"/v1/jobs/{job['id']}").json()
        print(job.get("state"), job.get("error") or job.get("detail") or "")
        for result in job.get("results", ()):
            Path(out).mkdir(parents=True, exist_ok=True)
            Path(out, result["name"]).write_bytes(service.get(result["url"]).content)
except httpx.TransportError as error:
    sys.exit(f"{address} does not answer: {error}")
except OSError as error:
    sys.exit(str(error))
