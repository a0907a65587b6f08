"""What all verbs share: where the stack is, how answers look, and how errors end the command."""

from __future__ import annotations

import asyncio
import enum
import inspect
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec

import typer

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from riverrun.client.async_client import AsyncClient
    from riverrun.rpc.credentials import Credentials

P = ParamSpec("P")


class OutputForm(enum.StrEnum):
    """How a verb answers."""

    TABLE = "table"
    JSON = "json"


Output = Annotated[
    OutputForm,
    typer.Option("--output", "-o", help="table for people; json: one document a line, of a stable shape."),
]
Server = Annotated[
    str,
    typer.Option(
        help="host:port of the parameter server. Else RIVERRUN_SERVER, else the run folder.",
        show_default=False,
    ),
]
Serving = Annotated[
    str,
    typer.Option(
        help="Base URL of a serving process. Else RIVERRUN_SERVING, else the run folder.",
        show_default=False,
    ),
]
Data = Annotated[
    Path, typer.Option(help="Data folder of `riverrun up`, whose run folder says what is where.")
]
TokenFile = Annotated[
    Path | None,
    typer.Option(help="File of the token to show. Else RIVERRUN_TOKEN_FILE.", show_default=False),
]
CaFile = Annotated[
    Path | None,
    typer.Option(
        help="Certificate authorities of the services (PEM): call by TLS. Else RIVERRUN_TLS_CA_FILE.",
        show_default=False,
    ),
]
CertFile = Annotated[
    Path | None,
    typer.Option(help="Certificate to show (PEM). Else RIVERRUN_TLS_CERT_FILE.", show_default=False),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(help="The certificate's private key (PEM). Else RIVERRUN_TLS_KEY_FILE.", show_default=False),
]
TlsServerName = Annotated[
    str,
    typer.Option(
        help="Name in the services' certificate, where it is not the one dialled. "
        "Else RIVERRUN_TLS_SERVER_NAME.",
        show_default=False,
    ),
]
Insecure = Annotated[bool, typer.Option("--insecure", help="Let the token go over the network without TLS.")]

_SHARED: dict[str, tuple[Any, Any]] = {
    "output": (Output, OutputForm.TABLE),
    "server": (Server, ""),
    "serving": (Serving, ""),
    "data": (Data, Path("riverrun-data")),
}

_CREDENTIALS: dict[str, tuple[Any, Any]] = {
    "token_file": (TokenFile, None),
    "ca_file": (CaFile, None),
    "cert_file": (CertFile, None),
    "key_file": (KeyFile, None),
    "tls_server_name": (TlsServerName, ""),
    "insecure": (Insecure, False),
}
"""Of every verb that calls a service."""


class Session:
    """One run of a verb."""

    def __init__(
        self,
        output: OutputForm = OutputForm.TABLE,
        server: str = "",
        serving: str = "",
        data: Path = Path("riverrun-data"),
        **credentials: Any,
    ) -> None:
        """`credentials` are those of `_CREDENTIALS` that the verb has."""
        self._credentials = credentials
        self.output = output
        self.data = data
        self._server = server
        self._serving = serving
        self._client: AsyncClient | None = None
        self._console: Console | None = None

    @property
    def client(self) -> AsyncClient:
        """The SDK, made when first asked for."""
        if self._client is None:
            from riverrun.client.async_client import AsyncClient

            _silence_libraries()
            self._client = AsyncClient(
                server=self._server, serving=self._serving, data=self.data, credentials=self.credentials()
            )
        return self._client

    def credentials(self) -> Credentials:
        """What calls are to show, from the options and the environment."""
        from riverrun.rpc.credentials import Credentials

        given = self._credentials
        return Credentials.from_environment(
            ca=given.get("ca_file"),
            cert=given.get("cert_file"),
            key=given.get("key_file"),
            token_file=given.get("token_file"),
            server_name=given.get("tls_server_name", ""),
            insecure=given.get("insecure", False),
        )

    @property
    def console(self) -> Console:
        """Standard output for people."""
        if self._console is None:
            from rich.console import Console

            # Into a file or a pipe lines are as long as they are; only a terminal has a width.
            width = None if sys.stdout.isatty() else 240
            self._console = Console(highlight=False, soft_wrap=True, width=width)
        return self._console

    def answer(self, document: Any, *shown: RenderableType) -> None:
        """Print the verb's answer: `document` as one line of JSON, or `shown` for people."""
        if self.output is OutputForm.JSON:
            import msgspec

            sys.stdout.write(msgspec.json.encode(document).decode() + "\n")
            sys.stdout.flush()
            return
        for part in shown:
            self.console.print(part)

    async def close(self) -> None:
        """Let go of connections."""
        if self._client is not None:
            await self._client.close()


def verb(
    *options: str,
) -> Callable[[Callable[Concatenate[Session, P], Awaitable[None]]], Callable[..., None]]:
    """Make a command of an async function whose first argument is the session.

    Adds those `options` of output, server, serving and data that the verb uses; all of them by default. One
    that has an address gets the options of credentials too.
    An error of ours, or of a file, ends the command with one line on stderr and exit status 1.
    """
    names = options or tuple(_SHARED)
    offered = {name: _SHARED[name] for name in _SHARED if name in names}
    if "server" in names or "serving" in names:
        offered |= _CREDENTIALS

    def decorate(function: Callable[Concatenate[Session, P], Awaitable[None]]) -> Callable[..., None]:
        signature = inspect.signature(function, eval_str=True)
        own = list(signature.parameters.values())[1:]
        shared = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for name, (annotation, default) in offered.items()
        ]

        def command(**arguments: Any) -> None:
            session = Session(**{name: arguments.pop(name) for name in offered})
            run_verb(session, function(session, **arguments))  # type: ignore[call-arg]  # by keyword

        command.__name__ = function.__name__
        command.__doc__ = function.__doc__
        command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own] + shared
        )
        command.__annotations__ = {p.name: p.annotation for p in own + shared}
        return command

    return decorate


def run_verb(session: Session, work: Awaitable[None]) -> None:
    """Run `work` to its end; exits with status 1 and one line on stderr when it fails on purpose."""
    from riverrun.core.errors import RiverrunError

    async def run() -> None:
        try:
            await work
        finally:
            await session.close()

    try:
        asyncio.run(run())
    except RiverrunError as error:
        fail(str(error))
    except BrokenPipeError:
        # The reader of our output, such as head, has what it wanted.
        sys.stderr.close()
        raise typer.Exit(1) from None
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _silence_libraries() -> None:
    """What libraries log by themselves, such as each retry, would get between the lines of our answer."""
    import stamina.instrumentation
    import structlog

    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    stamina.instrumentation.set_on_retry_hooks([])


def fail(message: str) -> None:
    """End the command with `message` as one line on stderr."""
    typer.echo("riverrun: " + " ".join(message.split()), err=True)
    raise typer.Exit(1)
