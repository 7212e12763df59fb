"""Pictures for pages: SVG text that pure functions make from frozen values.

Each picture has the same figures as rows of a table, which stands beneath it. Colours come from the page's style sheet
alone, by the classes of the shapes, so that light, dark and forced colours need no other picture.
"""
