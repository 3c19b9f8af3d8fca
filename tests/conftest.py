"""Settings of every test process."""

import os

# Tests run side by side: threads of one would only wait for those of the other. Libraries read this at their import.
ONE_THREAD = ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "TF_NUM_INTRAOP", "TF_NUM_INTEROP")
os.environ |= {f"{name}_THREADS": "1" for name in ONE_THREAD} | {"TF_CPP_MIN_LOG_LEVEL": "3"}
