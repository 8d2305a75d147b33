"""YAMNet (Plakal and Ellis 2020), from a model file that the user has: runs inside its own environment.

Job: ``model``, path of a .tflite or .onnx file whose one input is a waveform at 16 kHz, as published: 15,600 samples at
a time (0.975 s); a model that takes any length gets the same windows, half a window apart.
Arrays: ``samples`` (n,) float32 at 16 kHz.
Answer: ``seconds``, and ``cpu_s`` of processor time; arrays ``scores`` (windows, classes) float32.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.peers.exchange import Arrays, Job, processor_seconds, serve, timed

WINDOW, HOP = 15_600, 7_800


def classifier(model: str) -> Callable[[np.ndarray], np.ndarray]:
    """A function from one window, (15600,) float32, to scores, (classes,)."""
    if model.endswith(".onnx"):
        import onnxruntime  # type: ignore[import-not-found]  # noqa: PLC0415  # only one of the two is needed

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        (entry,) = session.get_inputs()
        shape = (WINDOW,) if len(entry.shape) == 1 else (1, WINDOW)
        return lambda window: np.asarray(session.run(None, {entry.name: window.reshape(shape)})[0]).reshape(-1)
    from ai_edge_litert.interpreter import Interpreter  # type: ignore[import-not-found]  # noqa: PLC0415

    interpreter = Interpreter(model_path=model, num_threads=1)
    entry_index = interpreter.get_input_details()[0]["index"]
    shape = (WINDOW,) if len(interpreter.get_input_details()[0]["shape"]) == 1 else (1, WINDOW)
    interpreter.resize_tensor_input(entry_index, shape)
    interpreter.allocate_tensors()
    scores_index = interpreter.get_output_details()[0]["index"]

    def scores(window: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(entry_index, window.reshape(shape))
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(scores_index)).reshape(-1)

    return scores


def solve(job: Job, arrays: Arrays) -> tuple[Job, Arrays]:
    samples, classify = arrays["samples"], classifier(job["model"])
    windows = [samples[first : first + WINDOW] for first in range(0, len(samples) - WINDOW + 1, HOP)]
    classify(windows[0])

    def whole() -> list[np.ndarray]:
        return [classify(window) for window in windows]

    found, seconds = timed(whole)
    cpu_s = processor_seconds(whole)
    return {"seconds": seconds, "cpu_s": cpu_s}, {"scores": np.asarray(found, dtype=np.float32)}


if __name__ == "__main__":
    serve(solve)
