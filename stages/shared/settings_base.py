"""What the settings are made of: a strict model, and numbers and lists with their ranges."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]
LanguageCode = Annotated[str, Field(pattern="^[a-z]{2}$")]  # ISO 639-1


def _rising(words: list[int]) -> list[int]:
    if words[0] > words[1]:
        raise ValueError(f"{words[0]} is more than {words[1]}; a range is [fewest, most] words")
    return words


Words = Annotated[list[Count], Field(min_length=2, max_length=2), AfterValidator(_rising)]


def _rising_shares(shares: list[float]) -> list[float]:
    if shares != sorted(shares):
        raise ValueError(f"{shares} does not rise")
    return shares


Shares = Annotated[list[Share], AfterValidator(_rising_shares)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
