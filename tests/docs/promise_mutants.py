"""Deliberate breaks of what keeps a promise: one edit each, and the test that turns red by it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Break:
    """An edit that breaks a promise.

    Attributes:
        promise: its number.
        fault: what goes wrong then, in a few words.
        file: of the code.
        old, new: what stands there once, and what is put in its place.
        test: what turns red: a file of ``tests``, and if that is not enough, ``-k`` of pytest.
    """

    promise: int
    fault: str
    file: str
    old: str
    new: str
    test: tuple[str, str]


LINES, CARE, JOURNAL = "crysim/harness/lines.py", "crysim/harness/care.py", "crysim/harness/journal.py"
DRIVER, STORED, BLOCKS = "crysim/harness/driver.py", "crysim/harness/stored_trials.py", "crysim/harness/blocks.py"
MANAGER, PROBE = "crysim/plugins/manager.py", "crysim/plugins/probe.py"
CLI, STREAMS, OUTPUT = "crysim/cli.py", "crysim/streams.py", "crysim/commands/output.py"
REGULAR, ERRORS, INTERRUPTS = "crysim/regular_files.py", "crysim/errors.py", "crysim/interrupts.py"
TEST_LINES, TEST_LOOP = "harness/test_lines.py", "harness/test_loop.py"
TEST_EXECUTORS, TEST_STORED = "harness/test_executors.py", "harness/test_stored_trials.py"
TEST_MANAGER, TEST_BAD, TEST_OUTPUT = "plugins/test_manager.py", "test_bad_input.py", "test_output.py"

BREAKS = (
    # ---------------------------------------------------------------- 1: killed anywhere, and gone on with
    Break(
        1,
        "the state is not loaded when a budget is raised",
        DRIVER,
        "if self._state is not None and self._told == self._settled:",
        "if self._state is not None and self._told == self._settled and len(self._sittings) == 1:",
        ("harness/test_going_on.py", "equals_one_that_had_the_larger_budget"),
    ),
    Break(
        1,
        "the state is loaded a batch late",
        DRIVER,
        "        self._take_up_state()\n        if not self._replay:",
        "        if not self._replay:",
        ("harness/test_going_on.py", "equals_one_that_had_the_larger_budget"),
    ),
    Break(
        1,
        "what a run that goes on does not ask again is not noted",
        DRIVER,
        "            self._strategy.asked(batch.candidates)",
        "            pass",
        ("harness/test_going_on.py", "equals_one_that_had_the_larger_budget"),
    ),
    # ------------------------------------------------------------------------------- 3: a torn last line
    Break(
        3,
        "the torn end stays, and the next line is written behind it",
        LINES,
        "        self._file.truncate(size)\n",
        "",
        (TEST_LINES, "cut_anywhere"),
    ),
    Break(
        3,
        "one byte of the torn end stays",
        LINES,
        "self._file.truncate(size)",
        "self._file.truncate(min(size + 1, self._file.tell()))",
        (TEST_LINES, "cut_anywhere"),
    ),
    Break(
        3,
        "a torn last line is refused like damage elsewhere",
        LINES,
        'if whole and next(lines, b""):',
        "if True:",
        (TEST_LOOP, "cut_anywhere"),
    ),
    Break(
        3,
        "what follows a torn end is chained to the file's beginning",
        LINES,
        "        if self.chained[count - 1]:\n            return self.checksums[count - 1]",
        "        if self.chained[count - 1]:\n            return beginning",
        (TEST_LINES, "cut_anywhere"),
    ),
    Break(
        3,
        "a tuning's torn line is not cut off",
        "crysim/workflows/tuning.py",
        "            file.truncate(good)",
        "            pass",
        ("workflows/test_tuning.py", "cut_in_its_last_lines"),
    ),
    # ------------------------------------------------------------------------------- 8: poison is capped
    Break(
        8,
        "a poison crystal is tried four times",
        CARE,
        "for _ in range(ATTEMPTS):",
        "for _ in range(ATTEMPTS + 1):",
        (TEST_EXECUTORS, "poison"),
    ),
    Break(
        8,
        "a task that was lost once is given up",
        CARE,
        "for _ in range(ATTEMPTS):",
        "for _ in range(1):",
        (TEST_EXECUTORS, "lost_twice"),
    ),
    Break(
        8,
        "the rest of a poison crystal's batch fails with it",
        CARE,
        "    if task.size == 1:\n        return task.failed(reason)\n    results",
        "    return task.failed(reason)\n    results",
        (TEST_EXECUTORS, "poison"),
    ),
    Break(
        8,
        "it is not said how the process died",
        CARE,
        "the worker process died ({error}) {TIMES}",
        "the worker process died {TIMES}",
        (TEST_EXECUTORS, "poison"),
    ),
    Break(
        8,
        "a run whose process dies is begun once more than is said",
        "crysim/harness/driving.py",
        "if self._lost[index] < ATTEMPTS:",
        "if self._lost[index] <= ATTEMPTS:",
        (TEST_EXECUTORS, "process_dies_each_time"),
    ),
    Break(
        8,
        "what an engine gives up is not submitted again",
        "crysim/harness/sending.py",
        "elif attempt < ATTEMPTS and not self._closed:",
        "elif attempt < 1 and not self._closed:",
        ("harness/test_sending.py", ""),
    ),
    # ----------------------------------------------------------------------- 14: broken plug-ins are isolated
    Break(
        14,
        "a plug-in that exits while it is imported ends the command",
        MANAGER,
        "        except BaseException as error:\n            if isinstance",
        "        except Exception as error:\n            if isinstance",
        (TEST_MANAGER, "exit_or_fail"),
    ),
    Break(
        14,
        "a broken plug-in is left out without a word",
        MANAGER,
        "            self._add_broken(point, first_line(error))\n            return",
        "            return",
        (TEST_MANAGER, "broken_plugin_is_listed"),
    ),
    Break(
        14,
        "a broken plug-in that is asked for is said to be unknown",
        MANAGER,
        'if info.name in (base, f"{kind}-{base}"):',
        "if info.name == base:",
        (TEST_MANAGER, "broken_plugin_is_listed"),
    ),
    Break(
        14,
        "a plug-in's interrupt of its own is taken for the user's",
        MANAGER,
        "if isinstance(error, KeyboardInterrupt) and is_interrupted() is not False:",
        "if isinstance(error, KeyboardInterrupt):",
        (TEST_MANAGER, ""),
    ),
    Break(
        14,
        "a plug-in that exits when it is asked whether it can run ends the command",
        MANAGER,
        "    except (Exception, SystemExit) as error:\n        return first_line(error)\n    return reason",
        "    except Exception as error:\n        return first_line(error)\n    return reason",
        (TEST_MANAGER, ""),
    ),
    Break(
        14,
        "a name that cannot be typed is let through",
        MANAGER,
        "if not isinstance(wanted, str) or not _NAME.fullmatch(wanted):",
        "if not isinstance(wanted, str):",
        (TEST_MANAGER, ""),
    ),
    Break(
        14,
        "an error without words ends the listing",
        ERRORS,
        "    except Exception:  # noqa: BLE001 - a foreign error may raise another when it is asked for its text\n"
        "        return type(error).__name__",
        "    except ZeroDivisionError:\n        return type(error).__name__",
        (TEST_MANAGER, ""),
    ),
    Break(
        14,
        "no process tries imports first",
        PROBE,
        "    while waiting:\n        ended, reason",
        "    while False:\n        ended, reason",
        (TEST_MANAGER, "ends_the_process"),
    ),
    Break(
        14,
        "plug-ins behind a fatal one are not tried",
        PROBE,
        "waiting = waiting[ended + 1 :]",
        "waiting = []",
        (TEST_MANAGER, "ends_the_process"),
    ),
    # ------------------------------------------------------------------ 15: the suites catch what they should
    Break(
        15,
        "the solvers' suite does not compute energies again",
        "crysim/testing/solvers.py",
        "        np.testing.assert_allclose(samples.energies, model.energies(samples.bits), rtol=1e-12, atol=1e-12)\n",
        "",
        ("testing/test_mutants.py", "solver-AMillionTooLow"),
    ),
    Break(
        15,
        "the solvers' suite does not look at the clock",
        "crysim/testing/solvers.py",
        "        assert min(seconds) < 0.2 + self.slack",
        "        pass",
        ("testing/test_mutants.py", "solver-IgnoresTheTimeLimit"),
    ),
    Break(
        15,
        "the energies' suite does not look at forces",
        "crysim/testing/energies.py",
        "                    assert abs(force) <= 2.0 * settings.fmax + noise / moving",
        "                    pass",
        ("testing/test_mutants.py", "energy-TenTimesFmax"),
    ),
    Break(
        15,
        "the energies' suite does not compare fingerprints",
        "crysim/testing/energies.py",
        "                assert variant.fingerprint() != model.fingerprint()",
        "                pass",
        ("testing/test_mutants.py", "energy-OneFingerprint"),
    ),
    Break(
        15,
        "the encoders' suite does not look where atoms come back to",
        "crysim/testing/encoders.py",
        '        assert np.mean(own) <= self.place_error * np.mean(other), "atoms do not come back to where they were"',
        "        pass",
        ("testing/test_mutants.py", "encoder-DecoderDropsPositions"),
    ),
    Break(
        15,
        "the surrogates' suite does not look at noise",
        "crysim/testing/surrogates.py",
        "        assert np.nanmean([report.validation_pcc for report in reports]) <= 0.6\n"
        "        assert np.mean([report.validation_rmse for report in reports]) >= 0.6 * noise.std()",
        "        pass",
        ("testing/test_mutants.py", "surrogate-TrainingAsValidation"),
    ),
    Break(
        15,
        "the strategies' suite does not look at distances",
        "crysim/testing/strategies.py",
        "        assert all(wanted.min_distances.satisfied_by(crystal) for crystal in crystals)",
        "        pass",
        ("testing/test_mutants.py", "strategy-IgnoresPairDistances"),
    ),
    Break(
        15,
        "the executors' suite does not count calls",
        "crysim/testing/executors.py",
        '        assert (tmp_path / "calls").read_text() == "xx"',
        "        pass",
        ("testing/test_mutants.py", "executor-CallsTwice"),
    ),
    # --------------------------------------------------------------------------------- 16: bad input
    Break(
        16,
        "a named pipe is waited for",
        REGULAR,
        'os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)',
        'os.O_RDONLY | getattr(os, "O_BINARY", 0)',
        (TEST_BAD, "named_pipe"),
    ),
    Break(
        16,
        "an error is two lines",
        CLI,
        '        except InputError as error:\n            typer.echo(f"error: {error}", err=True)',
        '        except InputError as error:\n            typer.echo(f"error:\\n{error}", err=True)',
        (TEST_BAD, "device"),
    ),
    Break(
        16,
        "bad input ends as a failure",
        CLI,
        "            raise typer.Exit(EXIT_BAD_INPUT) from error\n        except CrysimError",
        "            raise typer.Exit(EXIT_ALL_FAILED) from error\n        except CrysimError",
        (TEST_BAD, "deep"),
    ),
    Break(
        16,
        "brackets in JSON that nest deeply are a traceback",
        REGULAR,
        "    try:\n        return json.loads(text)\n    except ValueError as error:\n"
        '        raise InputError(f"{path} is no JSON: {error}") from error\n    except RecursionError as error:',
        "    try:\n        return json.loads(text)\n    except ValueError as error:\n"
        '        raise InputError(f"{path} is no JSON: {error}") from error\n    except ZeroDivisionError as error:',
        (TEST_BAD, "deep"),
    ),
    Break(
        16,
        "a misspelt command has an exit code of its own",
        CLI,
        "(see '{path} --help')\"), err=True)\n            raise typer.Exit(EXIT_BAD_INPUT)",
        "(see '{path} --help')\"), err=True)\n            raise typer.Exit(EXIT_ALL_FAILED)",
        (TEST_BAD, "unknown"),
    ),
    Break(
        16,
        "a path that is too long is a failure and no bad input",
        CLI,
        "errno.EISDIR, errno.ENAMETOOLONG, errno.EACCES",
        "errno.EISDIR, errno.EACCES",
        (TEST_BAD, "long"),
    ),
    Break(
        16,
        "the folder of results is made before the input is looked at",
        "crysim/harness/run_folder.py",
        "        while not place.exists():\n            place = place.parent\n",
        "        place.mkdir(parents=True, exist_ok=True)\n",
        (TEST_BAD, "can_be_written"),
    ),
    Break(
        16,
        "an option that is NaN is taken",
        MANAGER,
        "not isinstance(value, bool) and value == value  # no NaN",
        "not isinstance(value, bool)",
        (TEST_MANAGER, "option_types"),
    ),
    # ---------------------------------------------------------------------------- 21: the standard output
    Break(
        21,
        "what plug-ins print stands before the JSON",
        CLI,
        'with reserved_stdout() if "--json" in arguments else nullcontext():',
        "with nullcontext():",
        (TEST_OUTPUT, "prints_of_plugins"),
    ),
    Break(
        21,
        "what libraries in C print stands before the JSON",
        STREAMS,
        "            os.dup2(sys.stderr.fileno(), number)\n",
        "",
        (TEST_OUTPUT, "prints_of_plugins"),
    ),
    Break(
        21,
        "NaN is printed as NaN",
        OUTPUT,
        "return value if isfinite(value) else None",
        "return value",
        (TEST_OUTPUT, "json_does_not_know"),
    ),
    Break(
        21,
        "infinities are printed as such",
        OUTPUT,
        "return value if isfinite(value) else None",
        "return value if value == value else None",
        (TEST_OUTPUT, "json_does_not_know"),
    ),
    Break(
        21,
        "a full disk behind the help is a traceback",
        INTERRUPTS,
        "elif isinstance(error, OSError):  # the help",
        "elif isinstance(error, ZeroDivisionError):  # the help",
        (TEST_OUTPUT, "full_disk_behind"),
    ),
    Break(
        21,
        "a full disk under the results is said to be bad input",
        CLI,
        "raise typer.Exit(EXIT_BAD_INPUT if error.errno in _OF_A_PATH else EXIT_ALL_FAILED)",
        "raise typer.Exit(EXIT_BAD_INPUT)",
        (TEST_OUTPUT, "full_disk_under"),
    ),
    Break(
        21,
        "an interrupt has the exit code of a failure",
        ERRORS,
        "EXIT_INTERRUPTED = 130",
        "EXIT_INTERRUPTED = 1",
        ("test_interrupts.py", "ends_with_130"),
    ),
    Break(
        21,
        "a bench of which a part failed ends as if all had",
        ERRORS,
        "EXIT_PARTLY_FAILED = 3",
        "EXIT_PARTLY_FAILED = 1",
        ("commands/test_bench_and_search.py", "exit_codes"),
    ),
    # ------------------------------------------------------------------------------- 22: a million trials
    Break(
        22,
        "a cache is believed whatever journal it was made of",
        STORED,
        'if about is None or about["key"] != json.loads(json.dumps(key)):',
        "if about is None:",
        (TEST_STORED, "cache"),
    ),
    Break(
        22,
        "no cache is ever used",
        STORED,
        "    columns = _read_cache(path.with_name(CACHE), key)\n",
        "    columns = None\n",
        (TEST_STORED, "cache"),
    ),
    Break(
        22,
        "columns have the energies of other trials",
        "crysim/harness/columns.py",
        'crystal["cell"] for crystal in crystals]',
        'crystal["cell"] for crystal in crystals[::-1]]',
        (TEST_STORED, "columns_of"),
    ),
    Break(
        22,
        "every append reads the journal",
        LINES,
        "        lines: list[bytes] = []\n        for record in records:\n            line = seal",
        "        lines: list[bytes] = []\n        Path(self._file.name).read_bytes()\n"
        "        for record in records:\n            line = seal",
        (TEST_STORED, "appending"),
    ),
    Break(
        22,
        "every append writes the whole journal again",
        LINES,
        '        self._file.write(b"".join(line + b"\\n" for line in lines))\n',
        '        with open(self._file.name, "rb") as before:\n            held = before.read()\n'
        "        self._file.truncate(0)\n"
        '        self._file.write(held + b"".join(line + b"\\n" for line in lines))\n',
        (TEST_STORED, "appending"),
    ),
    Break(
        22,
        "a packed line is read from the block before",
        BLOCKS,
        "block = bisect_right(self._starts, begin) - 1",
        "block = max(0, bisect_right(self._starts, begin) - 2)",
        ("harness/test_compact.py", "any_part"),
    ),
    Break(
        22,
        "a run that is not finished is packed",
        "crysim/harness/compact.py",
        "if not record.complete:",
        "if not record.manifest:",
        ("harness/test_compact.py", "not_finished"),
    ),
)
