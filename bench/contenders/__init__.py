"""One file a contender: a server of the same model, as its framework's documents show.

Each file begins with the same three names, which are literals, because the file can be
imported only in its own environment:

label
    What tables call it.
requirements
    Arguments of ``pip install``; of ``npm install`` where the file has a script beside.
command
    With ``{bin}`` for the folder of the environment's programs, ``{python}``, and
    ``{port}``; one without ``{port}`` serves nothing and says when it is ready.

It answers ``POST /predict`` with one row to ``{"prediction": …}``, runs one worker and
writes no access log. The environment variable BENCH_MODEL names the ONNX file,
BENCH_PIPELINE the pickle of the same fitted pipeline, and BENCH_ANSWER is what a
constant answers.
"""
