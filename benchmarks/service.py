"""Whether `gsanet serve` holds under load: uploads at once, its answers meanwhile, its memory over many jobs.

    python benchmarks/service.py [--clients 20] [--jobs 100]

It starts a server of its own on this machine's loopback. First so many uploads come at once from another process: all
must be done in the end (those told to come back later do so), and `/v1/health` is asked all the while. Then so many
small jobs come one after the other, and the memory of the server and of its worker (RSS) is read after each. The exit
code is 1 if a job was lost.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles

import httpx

from gsanet import sample_clip

OPTIONS = {"size": 64, "flow": "none", "save": ["masks"], "every": 8}
FEW = {**OPTIONS, "end": 0.2}


def one_job(address: str, options: dict[str, object]) -> str:
    """Upload the sample, wait until it is done, fetch the masks; what became of it."""
    clip = sample_clip().read_bytes()
    with httpx.Client(base_url=address, timeout=120) as client:
        while True:
            answer = client.post("/v1/jobs", files={"file": ("a.mp4", clip)}, data={"options": json.dumps(options)})
            if answer.status_code != 429:
                break
            time.sleep(min(3.0, float(answer.headers["retry-after"])))
        if answer.status_code != 202:
            return answer.text
        job = answer.json()
        while job["state"] in ("waiting", "running"):
            time.sleep(0.2)
            job = client.get(f"/v1/jobs/{job['id']}").json()
        if job["state"] == "done":
            found = client.get(f"/v1/jobs/{job['id']}/results/masks.zip")
            if found.status_code != 200:
                return f"masks: {found.status_code}"
            client.delete(f"/v1/jobs/{job['id']}")
        return str(job["error"] or job["state"])


def many(address: str, clients: int) -> list[str]:
    """So many at once, from the process that this runs in."""
    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(lambda _: one_job(address, OPTIONS), range(clients)))


def resident(pid: int) -> float:
    """MB of a process and of those that it started."""
    pids = [pid]
    for one in pids:
        children = Path(f"/proc/{one}/task/{one}/children")
        pids += [int(child) for child in children.read_text().split()] if children.exists() else []
    pages = sum(int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in pids if Path(f"/proc/{one}").exists())
    return pages * 4096 / 1e6


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=100)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "gsanet", "serve", "--port", "0", "--queue", "12"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": place})
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        waits: list[float] = []
        over = threading.Event()

        def ask() -> None:
            with httpx.Client(base_url=address, timeout=60) as client:
                while not over.is_set():
                    began = time.perf_counter()
                    client.get("/v1/health").raise_for_status()
                    waits.append(1000 * (time.perf_counter() - began))
                    time.sleep(0.05)

        asking = threading.Thread(target=ask)
        asking.start()
        began = time.perf_counter()
        with ProcessPoolExecutor(1, get_context("spawn")) as other:
            ends = other.submit(many, address, arguments.clients).result()
        took = time.perf_counter() - began
        over.set()
        asking.join()
        lost = [end for end in ends if end != "done"]
        print(f"{arguments.clients} uploads at once: {len(lost)} lost, all done in {took:.1f} s {lost[:2] or ''}")
        p95 = quantiles(waits, n=20)[-1]
        print(
            f"health meanwhile: {len(waits)} asked, median {median(waits):.0f} ms, p95 {p95:.0f}, most {max(waits):.0f}"
        )
        memory = []
        for _ in range(arguments.jobs):
            end = one_job(address, FEW)
            lost += [] if end == "done" else [end]
            memory.append(resident(server.pid))
        if memory:
            tenth = max(1, len(memory) // 10)
            first, last = median(memory[tenth : 2 * tenth]), median(memory[-tenth:])
            print(f"{len(memory)} jobs in a row: {first:.0f} MB after the second tenth, {last:.0f} in the last")
        server.terminate()
        server.wait(30)
        print(f"left behind in its folder: {len(list(Path(place).glob('gsanet*')))} files")
    return 1 if lost else 0


if __name__ == "__main__":
    raise SystemExit(main())
