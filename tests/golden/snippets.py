"""Runs every Python block of the book, of both languages, as it stands there.

    venv/bin/python snippets.py            # with what requirements.txt installs

Each block is a program of its own, with its imports and its assertions. Of one that fails the place is named,
and the exit code is 1.
"""

import os
import re
import sys
import traceback
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

BOOK = Path(__file__).resolve().parents[2] / "book"


def main():
    blocks = failed = 0
    for path in sorted(BOOK.glob("??/*.md")):
        text = path.read_text(encoding="utf-8")
        for block in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            blocks += 1
            before = text.count("\n", 0, block.start(1))
            try:
                # With as many empty lines before it the numbers in a traceback are those of the chapter.
                exec(compile("\n" * before + block[1], path, "exec"), {})
            except Exception:
                failed += 1
                print(f"{path.relative_to(BOOK)}:{before}", file=sys.stderr)
                traceback.print_exc()
    print(f"{blocks} blocks, {failed} failed")
    sys.exit(failed > 0 or blocks == 0)


main()
