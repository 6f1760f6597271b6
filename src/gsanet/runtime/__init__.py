"""The network made to run: by PyTorch or by ONNX Runtime, behind one interface (:mod:`gsanet.runtime.interface`)."""
