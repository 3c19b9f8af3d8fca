"""The part of the border that runs beside student code, and that students can read.

Nothing in here knows a check, a reference or a tolerance. It needs the standard library and numpy.
"""
