"""Files that are whole or not there, and that belong to whom they should.

Every file and folder of ours is made here. A test proves that hardly any other module makes any.
"""

from engage_server.files.failures import RESTORE, what_to_do
from engage_server.files.folders import make_folder, write_new_folder
from engage_server.files.ownership import FOLDER_MODE, PUBLIC_MODE, SECRET_MODE, open_file, owner_of
from engage_server.files.reading import read_file
from engage_server.files.writing import do_nothing, move_file, replace_file, write_new_file, write_output

__all__ = [
    "FOLDER_MODE",
    "PUBLIC_MODE",
    "RESTORE",
    "SECRET_MODE",
    "do_nothing",
    "make_folder",
    "move_file",
    "open_file",
    "owner_of",
    "read_file",
    "replace_file",
    "what_to_do",
    "write_new_file",
    "write_new_folder",
    "write_output",
]
