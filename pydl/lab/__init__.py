"""Seeing how learning works."""

from .gradcheck import gradcheck as gradcheck
