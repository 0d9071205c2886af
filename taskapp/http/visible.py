"""Which characters a person can see."""

import unicodedata

# General categories (https://www.unicode.org/reports/tr44/#General_Category_Values) without a shape of their own:
# controls, format characters, separators, and marks, which are drawn onto the character before them.
_WITHOUT_SHAPE = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp", "Mn", "Me"})
# Letters and symbols that fonts leave blank: the Hangul fillers, which have Default_Ignorable_Code_Point in
# https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt, the Braille pattern without dots, the null
# notehead, and the Egyptian blanks.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\U0001d159\U00013441\U00013442")
# Unassigned, but with Default_Ignorable_Code_Point. Other unassigned characters may be emoji newer than this Python.
_RESERVED = ((0x2065, 0x2065), (0xFFF0, 0xFFF8), (0xE0000, 0xE0FFF))


def _is_visible(character: str) -> bool:
    if unicodedata.category(character) in _WITHOUT_SHAPE or character in _BLANK:
        return False
    return not any(first <= ord(character) <= last for first, last in _RESERVED)


def has_visible_character(text: str) -> bool:
    """Return whether a person sees anything of a text. Stops at the first character that is visible."""
    return any(map(_is_visible, text))
