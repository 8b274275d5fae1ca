"""The parts of `make bench`: what is called, who answers, who asks, and what is read of /proc."""
