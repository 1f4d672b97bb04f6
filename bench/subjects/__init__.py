"""What is measured: programs, and the machine that they run on."""
