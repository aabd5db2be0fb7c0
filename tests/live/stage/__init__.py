"""What the live tests play on: a real Kisee, a real Pasee, their keys and their ports.

Owns the processes. Must not know what a right answer is: that is what the tests say.
"""
