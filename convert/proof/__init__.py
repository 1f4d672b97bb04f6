"""Whether a graph says what scikit-learn says, on the sample and on made-up rows."""
