"""The other end of ``elsewhere.py``; any interpreter that has sklearn_emma can run it.

On stdin come the parameters, one line of JSON, and then questions: a line with a method
and a number of bytes, and in these its arrays (.npz). The answer on stdout is a number
of bytes and an array (.npy).
"""

import io
import json
import sys

import numpy as np


def main() -> None:
    """Answer until the input ends."""
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # what is printed is no answer

    import torch

    from sklearn_emma import EMMAClassifier

    torch.set_num_threads(1)
    classifier = EMMAClassifier(**json.loads(source.readline()))
    while line := source.readline():
        method, n_bytes = json.loads(line)
        with np.load(io.BytesIO(source.read(n_bytes))) as arrays:
            answer = getattr(classifier, method)(*arrays.values())
        packed = io.BytesIO()
        np.save(packed, np.zeros(0) if method == "fit" else np.asarray(answer))
        sink.write(b"%d\n%b" % (packed.tell(), packed.getvalue()))
        sink.flush()


if __name__ == "__main__":
    main()
