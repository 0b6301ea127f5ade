"""A real llama.cpp HTTP server on loopback with the bundled weights; prints its address, lives until it is killed."""

import sys
import time

import xllamacpp

from assay.models.embedded import weights_path

params = xllamacpp.CommonParams()
params.model.path = str(weights_path())
params.hostnames = ["127.0.0.1"]
params.port = 0
params.n_parallel = 2
params.n_ctx = 4096
params.verbosity = 0
for threads in (params.cpuparams, params.cpuparams_batch):
    # waiting threads spin: more than one only gets in the way of the run on the same machine
    threads.n_threads = 1
server = xllamacpp.Server(params)
sys.stdout.write(f"address {server.listening_address}\n")
sys.stdout.flush()
while True:
    time.sleep(1)
