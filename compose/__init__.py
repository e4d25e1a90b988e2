"""The whole system on one machine, without Docker: installing the parts, starting, watching and stopping them, and the demo."""
