"""The contracts that services and jobs share, as data, and the code that loads and applies them.

Every other package may import this one; it imports none of them.
"""
