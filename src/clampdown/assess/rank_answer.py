"""Law: a rank is a function of what was tallied, of the outages and their days, of the frame, the weights and the seed;
nothing is read or written here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from clampdown.assess import components as parts
from clampdown.assess import rank_document as doc
from clampdown.assess.blocked import strictest
from clampdown.assess.breadth import breadth
from clampdown.assess.comparing import compare
from clampdown.assess.components import Fit, Lists, Made, aligned
from clampdown.assess.document import Inputs
from clampdown.assess.hours import Cuts
from clampdown.assess.rank_cells import Tallied, digests, whole_digest
from clampdown.assess.rank_limits import Terms
from clampdown.assess.ranking import Placed, Whole, stand, whole_of
from clampdown.assess.scores import Scores
from clampdown.reference.targets import Targets


class Given(NamedTuple):
    """What a rank is made from."""

    tallied: Tallied
    table: Targets
    cuts: Mapping[str, Mapping[str, Cuts]] | None  # kind of outage → country → cuts; null: nobody looked for outages
    frame: Sequence[str]
    names: Mapping[str, str]
    weights: Mapping[str, float]
    people: bool  # do users weigh hours
    inputs: Inputs
    days: tuple[str, ...]  # with data, sorted


class Beside(NamedTuple):
    """A file of published scores, as it was read."""

    file: str
    digest: str
    scores: tuple[Scores, ...]


def build(
    given: Given, question: doc.Question, terms: Terms, *, beside: Collection[Beside] = (), asked: bool = False,
    seed: int = 0, fit: Fit = breadth,
) -> doc.Rank:  # fmt: skip
    """The whole answer. `asked`: components or weights were named, and are in the whole whoever has data on them."""
    tallied, limits = given.tallied, terms.limits
    lists = parts.lists_of(tallied, given.table, terms)
    made = _made(given, lists, terms, seed, fit, question.components)
    whole = whole_of(made, given.weights, limits, asked=asked)
    many = len(tallied.country) > limits.thinned
    of_cells = any(one.kind.saw == "blocked" and one.kind.id in whole.weights for one in made)

    def refit(name: str) -> tuple[Made, ...]:
        other = next((prior for prior in terms.priors if prior.id == name), None)
        return parts.shares(tallied, lists, terms, seed=seed, fit=fit, other=other, few=True)

    names = [prior.id for prior in terms.priors] if of_cells else []
    placed = stand(
        made, whole, tallied.countries, given.names, given.frame, limits, seed=seed, digests=digests(tallied),
        left_out=dict(zip(tallied.countries, tallied.left_out.tolist(), strict=True)),
        refits=dict.fromkeys(names, refit),
    )  # fmt: skip
    about = _about(given, question, terms, whole, placed, limits.thinned if many else None)
    compared = tuple(
        one
        for each in beside
        for scores in each.scores
        for one in _beside(each, scores, placed, about, made, tallied, terms, seed)
    )
    return doc.Rank(about=about, countries=placed.standings, comparisons=compared)


def _made(given: Given, lists: Lists, terms: Terms, seed: int, fit: Fit, chosen: Sequence[str]) -> tuple[Made, ...]:
    """Every component, in the order of the table; those that are not asked for by name are left out."""
    wanted = [kind for kind in terms.components if not chosen or kind.id in chosen]
    narrowed = msgspec.structs.replace(terms, components=tuple(wanted))
    found = [*parts.shares(given.tallied, lists, narrowed, seed=seed, fit=fit)]
    found += parts.throttling(given.tallied, lists, narrowed, seed=seed, fit=fit)
    draws = max([len(one.draws) for one in found if one.reason is None], default=terms.limits.draws)
    found += [
        parts.cut_off(
            kind, given.tallied.countries, None if given.cuts is None else given.cuts[kind.saw], terms.limits,
            draws=draws, seed=seed + place,
        )
        for place, kind in enumerate(wanted) if kind.saw in ("shutdown", "outage")
    ]  # fmt: skip
    at = {one.kind.id: one for one in found}
    return tuple(at[kind.id] for kind in wanted)


def _about(
    given: Given, question: doc.Question, terms: Terms, whole: Whole, placed: Placed, prior_cells: int | None
) -> doc.Frame:
    ranked = set(placed.ranked)
    return doc.Frame(
        format=doc.FORMAT, kind=doc.KIND, question=question, as_of=given.days[-1] if given.days else None,
        first=given.days[0] if given.days else None, last=given.days[-1] if given.days else None,
        frame=tuple(sorted(given.frame)), ranked=len(ranked),
        without=tuple(sorted(set(given.frame) - ranked)), top=terms.limits.top, weights=dict(given.weights),
        components=whole.components, mixtures=terms.limits.mixtures if len(whole.weights) > 1 else 0,
        prior_cells=prior_cells, people=given.people, limits=terms.limits, kinds=terms.components,
        priors=terms.priors, inputs=given.inputs, terms=strictest(given.inputs), digest=whole_digest(given.tallied),
    )  # fmt: skip


def _beside(
    each: Beside, scores: Scores, placed: Placed, about: doc.Frame, made: Sequence[Made], tallied: Tallied,
    terms: Terms, seed: int,
) -> list[doc.Comparison]:  # fmt: skip
    """The whole beside a published order, and the breadth of blocking alone: of countries of the frame."""
    frame = set(about.frame)
    elsewhere = {one.country for one in placed.standings if one.state == "outside_frame"}
    found = [compare(
        placed.draws, placed.ranked, scores, terms.limits, file=each.file, digest=each.digest, seed=seed,
        outside=elsewhere,
    )]  # fmt: skip
    for one in made:
        if not one.kind.whole or one.kind.saw != "blocked" or one.reason is not None:
            continue
        there = ~np.any(np.isnan(one.draws), axis=0)
        names = [country for country, has in zip(tallied.countries, there.tolist(), strict=True) if has]
        draws = aligned(one.draws, len(one.draws))[:, there]
        found.append(compare(
            draws, names, scores, terms.limits, file=each.file, digest=each.digest, seed=seed, component=one.kind.id,
            outside=set(names) - frame,
        ))  # fmt: skip
    return found
