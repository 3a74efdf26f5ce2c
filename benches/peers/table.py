"""The lines of all peers as one table: nanoseconds an element, and how many times as long as here."""

import math
import sys

PASSES = {"forward": 1, "forward + backward": 2.5, "inference": 1}  # in copies of the tensor
HERE, COPY, PEERS = "here", "copy", ["PyTorch", "ONNX-Runtime", "JAX", "burn", "candle"]

shortest = {}
for line in sys.stdin:
    threads, peer, layer, shape, *times = line.split()
    for what, time in zip([COPY, *PASSES] if peer == HERE else PASSES, map(float, times)):
        key = (threads, layer, shape, peer, what)
        shortest[key] = min(time, shortest.get(key, math.inf)) if time == time else math.nan

rows = list(dict.fromkeys(key[:3] for key in shortest if key[3] == HERE))
for threads in sorted({row[0] for row in rows}):
    print(f"\n{threads} thread{'s' * (threads != '1')}\n")
    head = ["layer and shape", "pass", HERE, *PEERS, "fastest peer", "PyTorch", "roofline"]
    print("|", " | ".join(head), "|\n|---|---|" + "--:|" * (len(head) - 2))
    for row in (row for row in rows if row[0] == threads):
        for what, copies in PASSES.items():
            here = shortest[*row, HERE, what]
            if math.isnan(here):
                continue
            peers = [shortest.get((*row, peer, what), math.nan) for peer in PEERS]
            fastest = min(time for time in peers if not math.isnan(time))
            cells = [f"{row[1]} {row[2].replace('x', '×')}", what]
            cells += ["" if math.isnan(time) else f"{time:.2f}" for time in [here, *peers]]
            cells += [f"× {fastest / here:.2f}", f"× {peers[0] / here:.1f}"]
            cells += [f"{100 * copies * shortest[*row, HERE, COPY] / here:.0f} %"]
            print("|", " | ".join(cells), "|")
