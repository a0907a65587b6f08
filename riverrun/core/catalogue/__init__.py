"""What a model spec may name: River's classes as data, and the grammar that declares objects of them.

Nothing here imports River. `riverrun.learners` builds what a declaration says; processes that hold no
learner only check it.
"""

from riverrun.core.catalogue.declaration import ClassName, Construct, Misfit, Value
from riverrun.core.catalogue.declaration_reader import read_declaration, read_detector, read_metric
from riverrun.core.catalogue.river_classes import Catalogue, ClassEntry, Parameter, river_catalogue

__all__ = [
    "Catalogue",
    "ClassEntry",
    "ClassName",
    "Construct",
    "Misfit",
    "Parameter",
    "Value",
    "read_declaration",
    "read_detector",
    "read_metric",
    "river_catalogue",
]
