"""What a run of several passes comes to: its members, how their stems become one set, and its effective document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.core.stems import Rule, rule_terms
from workbench.errors import InvalidType, InvalidValue
from workbench.pipeline.config import RunConfig
from workbench.pipeline.decision import DEFAULTS, Decision, decide
from workbench.pipeline.documents import check_names, document_of_arguments
from workbench.pipeline.ensemble import Ensemble, check_stem_weights
from workbench.pipeline.layers import ARGUMENT, CONFIG, DEFAULT, SETTING, Layers, lay_layers
from workbench.pipeline.members import (
    OF_THE_RESULT,
    Member,
    check_before_work,
    document_of_member,
    drop,
    lay_documents,
    list_member_requests,
    naming_member,
    pick,
)
from workbench.pipeline.provenance import list_unwritten
from workbench.pipeline.reading import nest_settings, read_config
from workbench.pipeline.request import Request
from workbench.pipeline.rules import check_rules, read_rules
from workbench.pipeline.validation import validate_config
from workbench.registry.names import validate_stem_names


@dataclass(frozen=True, eq=False)
class EnsembleDecision:
    """What was decided for a run of several passes.

    Attributes:
        config: the effective document.
        members: in their order.
        method: how their stems are combined, with ``weights``.
        stem_names: the stems that all members have, in the first one's order.
        requested: those that are returned.
        rules: for derived stems, applied to the combined ones.
        notices: what the user should know.
        layers: who decided what, but for the members' own settings.
    """

    config: RunConfig
    members: tuple[Member, ...]
    method: str
    weights: tuple[float, ...] | Mapping[str, tuple[float, ...]] | None
    stem_names: tuple[str, ...]
    requested: tuple[str, ...]
    rules: Mapping[str, Rule]
    notices: tuple[str, ...]
    layers: Layers

    @property
    def selected(self) -> tuple[str, ...]:
        """The stems that the members compute: those that are returned, and those that only rules need."""
        needed = {*self.requested, *(term for rule in self.rules.values() for term in rule_terms(rule))}
        return tuple(name for name in self.stem_names if name in needed)

    @property
    def not_in_settings(self) -> list[str]:
        """What ``config`` cannot hold."""
        missing = []
        for index, member in enumerate(self.members):
            before = "" if member.name is None else f"ensemble.members.{index}."
            missing += [f"{before}{name}" for name in list_unwritten(member.request)]
        if any(member.decision.card.needs_references for member in self.members):
            missing.append("references")
        return missing


def asks_for_passes(request: Request) -> bool:
    """Whether a request is for more than one plain run."""
    if find_ensemble(request) is not None:
        return True
    inference = lay_documents(request).document.get("inference", {})
    tta = inference.get("tta") if request.tta is None else request.tta
    shifts = inference.get("shifts") if request.shifts is None else request.shifts
    return shifts is not None or (tta is not None and len(check_names(tta, argument="tta")) > 0)


def find_ensemble(request: Request) -> Ensemble | None:
    """The ensemble that a request is for: of the argument, else of settings and config.

    Raises:
        InvalidType: the argument is something else.
        InvalidValue: there is a method or weights, but no members.
    """
    if request.ensemble is not None:
        if not isinstance(request.ensemble, Ensemble):
            raise InvalidType(f"ensemble must be a workbench.Ensemble, got {type(request.ensemble).__name__}")
        return request.ensemble
    section = lay_documents(request).document.get("ensemble")
    if not section:
        return None
    if not section.get("members"):
        raise InvalidValue(f"ensemble has {', '.join(section)} but no members: list them under ensemble.members")
    return Ensemble(section["members"], method=section.get("method", "mean"), weights=section.get("weights"))


def decide_run(
    request: Request, *, song_rate: int, song_channels: int, song_samples: int
) -> Decision | EnsembleDecision:
    """As `decide`, for a request that may be for an ensemble."""
    song = {"song_rate": song_rate, "song_channels": song_channels, "song_samples": song_samples}
    return decide(request, **song) if find_ensemble(request) is None else decide_members(request, **song)


def decide_members(request: Request, *, song_rate: int, song_channels: int, song_samples: int) -> EnsembleDecision:
    """Decide every setting of every member, for a song of that rate, channels and length.

    Raises:
        WorkbenchError: a setting or model that cannot be, with the name of its member; members without a common stem.
    """
    song = {"song_rate": song_rate, "song_channels": song_channels, "song_samples": song_samples}
    ensemble = find_ensemble(request)
    if ensemble is None:
        decision = decide(request, **song)
        return EnsembleDecision(
            config=decision.config,
            members=(Member(None, request, decision),),
            method="mean",
            weights=None,
            stem_names=decision.stem_names,
            requested=decision.requested,
            rules=decision.rules,
            notices=(),
            layers=decision.layers,
        )
    members = []
    for name, member_request in list_member_requests(request, ensemble).items():
        with naming_member(name):
            members.append(Member(name, member_request, decide(member_request, **song)))
    stem_names, notices = find_common_stems(members)
    layers = lay_layers(list_result_layers(request))
    check_stem_weights(ensemble.weights, stem_names=stem_names)
    section = {key: value for key, value in layers.document.get("ensemble", {}).items() if key == "weights"}
    section |= {"method": ensemble.method, "members": [document_of_member(member) for member in members]}
    config = validate_config({**layers.document, "ensemble": section}, origin="the settings together")
    rules = read_rules({name: rule.model_dump() for name, rule in config.derived_stems.items()})
    check_rules(rules, stem_names)
    validate_stem_names((*stem_names, *rules))
    requested = choose_common_stems(config.inference.requested_stems, stem_names)
    return EnsembleDecision(
        config=config,
        members=tuple(members),
        method=ensemble.method,
        weights=config.ensemble.weights,
        stem_names=stem_names,
        requested=requested,
        rules=rules,
        notices=notices,
        layers=layers,
    )


def check_members(decision: EnsembleDecision) -> None:
    """Find what would stop a member, before an earlier one has run; the decision must be for the song itself.

    Raises:
        WorkbenchError: a checkpoint that is missing, a transform or window that cannot be, with the name of its member.
    """
    for member in decision.members:
        with naming_member(member.name):
            check_before_work(member.decision, member.request)


def list_result_layers(request: Request) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What the documents and arguments of a request say of the result as a whole, the weakest first."""
    yield DEFAULT, {"output": DEFAULTS["output"], "ensemble": {"method": "mean"}}
    of_the_argument = request.ensemble is not None  # then no document has a say in the ensemble
    for origin, document in ((CONFIG, read_config(request.config)), (SETTING, nest_settings(request.settings))):
        kept = pick(document, OF_THE_RESULT)
        yield origin, drop(kept, (("ensemble",),)) if of_the_argument else kept
    own = document_of_arguments(Request(stems=request.stems, derive=request.derive), model_id="", sample_rate=1)
    yield ARGUMENT, pick(own, OF_THE_RESULT)
    if request.ensemble is not None:
        # the members are put there as they were decided; what counts here is who named them
        yield ARGUMENT, {"ensemble": {"members": ["..."], **plain_ensemble(request.ensemble)}}


def plain_ensemble(ensemble: Ensemble) -> dict[str, Any]:
    """An ensemble's method and weights as plain data."""
    weights = ensemble.weights
    if weights is None:
        return {"method": ensemble.method}
    if isinstance(weights, Mapping):
        return {"method": ensemble.method, "weights": {name: list(listed) for name, listed in weights.items()}}
    return {"method": ensemble.method, "weights": list(weights)}


def find_common_stems(members: list[Member]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The stems that all members have, in the first one's order, and a notice of those that are left out, if any.

    Raises:
        InvalidValue: there are none.
    """
    names = {member.name: member.decision.stem_names for member in members}
    common = tuple(name for name in members[0].decision.stem_names if all(name in own for own in names.values()))
    if not common:
        listed = "; ".join(f"{name} gives {', '.join(own)}" for name, own in names.items())
        raise InvalidValue(
            f"the members of the ensemble have no stem in common: {listed}; rename stems by model.output_stem_names in "
            "a member's settings"
        )
    left_out = {name: [stem for stem in own if stem not in common] for name, own in names.items()}
    listed = "; ".join(f"{', '.join(stems)} of {name}" for name, stems in left_out.items() if stems)
    return common, ((f"left out of the ensemble, since not all members have them: {listed}",) if listed else ())


def choose_common_stems(requested: tuple[str, ...] | None, stem_names: tuple[str, ...]) -> tuple[str, ...]:
    """The stems to return, in the first member's order."""
    if requested is None:
        return stem_names
    for name in requested:
        if name not in stem_names:
            raise InvalidValue(f"the members have no stem {name!r} in common; they share {', '.join(stem_names)}")
    if not requested:
        raise InvalidValue(f"no stem was asked for; the members share {', '.join(stem_names)}")
    return tuple(name for name in stem_names if name in requested)
