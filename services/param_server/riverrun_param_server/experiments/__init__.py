"""Experiments as the parameter server keeps them: started, ended, and their channels moved."""
