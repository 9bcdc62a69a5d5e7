"""Computations that are recorded once and then replayed without Python in between: pydl.capture and pydl.capture_step.

recorded_function     capture: what may be recorded, and how that is checked
recorded_gradient     the gradients of such functions
recorded_step         capture_step: a training step up to the gradients
replay                the kernel calls that were noted, as one native call

Ways to make a list of calls shorter, or its memory smaller, before it is replayed:

fusion, norm_fusion   calls joined with those before and after them
element_chain, element_blocks, batch_slices   work that goes on while it is in the caches
channels_last         images between convolutions as these read them fastest
made_again, shared_memory, stand_ins          less memory
"""
