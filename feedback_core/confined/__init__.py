"""Model files of others, opened and asked in a process of their own: what crashes, hangs or eats memory there takes
nobody along. It keeps accidents apart; it is no cage for a program that means harm."""

from .process import Confined, TooMuch

__all__ = ["Confined", "TooMuch"]
