"""``dataeng-tui replay``: what the sandbox shows, without the screen."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from dataeng_tui.errors import UserError
from dataeng_tui.replay import report, story
from dataeng_tui.replay.schedule import Schedule, deliveries
from dataeng_tui.replay.service import Replay
from dataeng_tui.services import Services
from dataeng_tui.settings import Settings
from dataeng_tui.text import clean

_PATHS = click.argument("paths", metavar="PATH...", nargs=-1, required=True)
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_FAULTS = click.option(
    "--fault",
    "faults",
    metavar="NAME",
    multiple=True,
    help="Instead of the scenario's faults; may be repeated.",
)


def _format(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option("--format", "form", type=click.Choice(names), default="text", show_default=True)


@click.group("replay")
def command() -> None:
    """Prove an upsert safe against redelivery and disorder, or see the shortest schedule that breaks it.

    A PATH is a scenario's folder or the name of a built-in one: see  dataeng-tui replay list
    """


@command.command("list")
@_format("text", "json")
@click.pass_obj
def list_(settings: Settings, form: str) -> None:
    """The built-in scenarios, and the folders that the settings name."""
    listed = _replay(settings).scenarios()
    if form == "json":
        keys = ("where", "title", "about", "builtin", "problem")
        click.echo(_json([{key: getattr(item, key) for key in keys} for item in listed]))
        return
    width = max(len(clean(item.where)) for item in listed)
    for item in listed:
        first = item.problem or item.about.split("\n")[0]
        click.echo(f"{clean(item.where):<{width}}  {clean(first)}")


@command.command("check")
@_PATHS
@_FAULTS
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), help="The budget of each scenario.")
@click.option(
    "--events", type=_FILE, metavar="FILE", help="A dump of the topic, checked key by key on all cores."
)
@click.option("--spark", metavar="MASTER", help="Check the dump's keys on Spark, e.g. local[2] or yarn.")
@_format("text", "json", "junit")
@click.pass_obj
def check(
    settings: Settings,
    paths: tuple[str, ...],
    faults: tuple[str, ...],
    seconds: float | None,
    events: Path | None,
    spark: str | None,
    form: str,
) -> int:
    """Search every schedule of each fault. Exits with 0 (safe), 1 (something found) or 3 (undecided)."""
    if events is not None or spark is not None:
        return _check_dump(paths, events, faults, seconds, spark, form)
    service = _replay(settings)
    found = []
    for path in paths:
        scenario = service.load(path)
        if seconds is not None:
            scenario = replace(scenario, seconds=seconds)
        found.append((scenario, service.check(scenario, faults or None)))
    verdicts = [verdict for _, verdict in found]
    texts = [report.text(verdict, scenario) for scenario, verdict in found]
    if form == "json":
        documents = [verdict.as_json() for verdict in verdicts]
        click.echo(_json(documents[0] if len(documents) == 1 else documents))
    else:
        click.echo(report.junit(verdicts, texts) if form == "junit" else "\n\n".join(texts))
    codes = {verdict.exit_code for verdict in verdicts}
    return 1 if 1 in codes else max(codes)


def _check_dump(
    paths: tuple[str, ...],
    events: Path | None,
    faults: tuple[str, ...],
    seconds: float | None,
    spark: str | None,
    form: str,
) -> int:
    from dataeng_tui.cli import replay_topic

    if events is None:
        raise UserError("--spark checks a dump: give it with --events FILE.")
    if len(paths) != 1 or form == "junit":
        raise UserError("--events takes one scenario and --format text or json.")
    found = replay_topic.check_dump(paths[0], events, faults, seconds, spark)
    click.echo(_json(replay_topic.as_json(*found)) if form == "json" else replay_topic.as_text(*found))
    return found[1].exit_code


@command.command("play")
@click.argument("path")
@click.option("--schedule", metavar="1,2,3,3", help="Events by number, in the order of delivery; the log's.")
@_format("text", "json")
@click.pass_obj
def play(settings: Settings, path: str, schedule: str | None, form: str) -> None:
    """Deliver events one after the other and see the tables after each."""
    service = _replay(settings)
    scenario = service.load(path)
    steps = deliveries(*range(1, len(scenario.events) + 1)) if schedule is None else _schedule(schedule)
    timeline = service.timeline(scenario, steps)
    click.echo(_json(story.timeline_json(timeline)) if form == "json" else story.timeline_text(timeline))


@command.command("matrix")
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@_format("text", "json")
@click.pass_obj
def matrix(settings: Settings, paths: tuple[str, ...], form: str) -> None:
    """Strategies against faults: where each fails, and after how many steps."""
    from dataeng_tui.replay import matrix as matrices

    found = _replay(settings).matrix(paths)
    click.echo(_json(matrices.as_json(found)) if form == "json" else matrices.as_text(found))


@command.command("explain")
@click.argument("path")
@_FAULTS
@_format("text", "json")
@click.pass_obj
def explain(settings: Settings, path: str, faults: tuple[str, ...], form: str) -> None:
    """What the scenario is, and its counterexamples played step by step, each on the whole log."""
    service = _replay(settings)
    scenario = service.load(path)
    told = service.stories(scenario, faults or None)
    click.echo(_json([s.as_json() for s in told]) if form == "json" else story.explanation(scenario, told))


def _replay(settings: Settings) -> Replay:
    return Services(settings).replay


def _schedule(text: str) -> Schedule:
    try:
        return deliveries(*(int(part) for part in text.split(",")))
    except ValueError:
        raise UserError(
            f"--schedule takes events' numbers with commas, e.g. 1,2,3,3, not {text!r}."
        ) from None


def _json(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2, default=_bytes)


def _bytes(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
