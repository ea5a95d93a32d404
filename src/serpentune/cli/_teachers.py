"""Floor 12, cli: `serpentune teachers`."""

from __future__ import annotations

from serpentune.cli._output import Output


def teachers(out: Output) -> None:
    """List the teachers, and what each does and promises."""
    from serpentune import teachers as registry

    known = [registry.get(name) for name in registry.names()]
    if out.json:
        out.document(
            {
                "teachers": [
                    {"name": teacher.name, "summary": teacher.summary, "guarantee": teacher.guarantee}
                    for teacher in known
                ]
            }
        )
    else:
        out.table(
            ["teacher", "what it does", "what it promises"],
            [[teacher.name, teacher.summary, teacher.guarantee] for teacher in known],
        )
