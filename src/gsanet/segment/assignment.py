"""Which object each piece of a frame is, while that is being found out."""

from __future__ import annotations

from gsanet.segment.pieces import Pieces


class Assignment:
    """Which object each piece of a frame is."""

    def __init__(self, pieces: Pieces, claims: list[list[int]]) -> None:
        self.pieces, self.claims = pieces, claims
        self.given: set[int] = set()
        """Pieces whose object was not found by its place."""

    def owners(self) -> set[int]:
        """All objects that are seen."""
        return {id for claims in self.claims for id in claims}

    def shared(self) -> set[int]:
        """Objects that have a piece in common with another."""
        return {id for claims in self.claims if len(claims) > 1 for id in claims}

    def exchange(self, one: int, other: int) -> None:
        """Each is what was taken for the other."""
        swapped = {one: other, other: one}
        self.claims = [[swapped.get(id, id) for id in claims] for claims in self.claims]

    def free(self) -> list[int]:
        """Pieces that are no object yet, the largest first."""
        return [piece for piece, claims in enumerate(self.claims) if not claims]

    def parts(self, share: float) -> list[int]:
        """Pieces that are an object's, but not its largest, and have at least *share* of that one's area."""
        largest = self.largest()
        found = []
        for piece, claims in enumerate(self.claims):
            if len(claims) == 1 and claims[0] in largest and largest[claims[0]] != piece:
                main = self.pieces.areas[largest[claims[0]]]
                if self.pieces.areas[piece] >= share * main and self.pieces.small_areas[piece]:
                    found.append(piece)
        return found

    def gap(self, piece: int, id: int) -> float:
        """Pixels between the boxes of *piece* and of the largest piece of object *id*."""
        return self.pieces.gap(piece, self.largest()[id])

    def largest(self) -> dict[int, int]:
        """For each object its largest piece."""
        found: dict[int, int] = {}
        for piece, claims in enumerate(self.claims):
            for id in claims:
                found.setdefault(id, piece)  # pieces come by their size
        return found

    def give(self, piece: int, id: int) -> None:
        """*piece* is object *id*."""
        self.claims[piece] = [id]
        self.given.add(piece)
