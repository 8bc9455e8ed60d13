"""`python -m stages.synthesis.batch`: requests out as files, answers in, without a key or the network."""

import json
import shutil
import subprocess
import sys

import httpx2
import pytest

from stages.llm import batch_files
from stages.llm.batch_folder import Batch, BatchFolder
from stages.llm.endpoint import CORPUS
from stages.llm.ledger import Ledger, ledger_path
from stages.llm.local.server import serve
from stages.llm.model import open_model
from stages.prompts.compose import compose
from stages.shared.records import KINDS, ChatRequest, Task, write_records
from stages.shared.settings import load_settings
from stages.synthesis.batch import main
from stages.synthesis.jobs import PROMPTS, SynthesisJobs

COUNT, FAULTS = 20, 0.5


@pytest.fixture
def profile(repository, corpus, documents):
    """Profile tiny with 20 requests to a local endpoint half of whose answers are faulty."""
    path = repository / "profiles/tiny.yaml"
    path.write_text(path.read_text().replace("fault_share: 0.03", f"fault_share: {FAULTS}"))
    (repository / "data/corpus").mkdir(parents=True)
    shutil.copy(corpus, repository / CORPUS)
    profile = load_settings().profile
    tasks = [Task(f"{kind}{number}", kind, f"Task {number} of {kind}.") for kind in KINDS for number in range(3)]
    prompts = profile.prompts.model_copy(update={"samples": COUNT})
    write_records(PROMPTS, ChatRequest, compose(tasks, documents, prompts, 0))
    return profile


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.jsonl"


def run_batch(requests, out):
    """What `vllm run-batch` does, with the local endpoint for a model."""
    with serve(CORPUS, FAULTS) as endpoint, httpx2.Client(trust_env=False) as client, out.open("w") as file:
        for line in requests.read_text(encoding="utf-8").splitlines():
            given = json.loads(line)
            assert (given["method"], given["url"]) == ("POST", "/v1/chat/completions")
            reply = client.post(f"{endpoint.servers[0].server.base_url}/chat/completions", json=given["body"])
            response = {"status_code": reply.status_code, "request_id": "vllm-batch-1", "body": reply.json()}
            line = {"id": "vllm-1", "custom_id": given["custom_id"], "response": response, "error": None}
            file.write(json.dumps(line) + "\n")


def lines_of(path):
    return path.read_text(encoding="utf-8").splitlines()


def samples(profile, mode):
    jobs = SynthesisJobs(profile)
    with open_model(profile.llm, mode) as model:
        model.fill(jobs)
        return [result for _, result in jobs.results(model)]


def test_writing_and_taking_until_nothing_is_wanted_gives_the_samples_of_online_mode(
    profile, tmp_path, out, monkeypatch, capsys
):
    online = samples(profile, "online")
    monkeypatch.setenv("MGH_LEDGER", str(tmp_path / "another.sqlite"))
    requests, counts = tmp_path / "requests.jsonl", []
    for _ in range(profile.synthesis.reasks + 2):
        assert main(["write", str(requests)]) == 0
        if "nothing is wanted" in capsys.readouterr().out:
            break
        counts.append(len(lines_of(requests)))
        run_batch(requests, out)
        assert main(["take", str(out)]) == 0
        assert f"{counts[-1]} answers added, 0 were there, 0 unusable, 0 to requests" in capsys.readouterr().out
    assert COUNT == counts[0] > counts[1] > 0
    assert samples(profile, "replay") == online
    with Ledger() as ledger:
        assert {row.answer.batch for row in ledger.rows()} == {True}


@pytest.mark.usefixtures("profile")
def test_written_lines_say_how_many_and_what_comes_next(tmp_path, capsys):
    file = tmp_path / "requests.jsonl"
    assert main(["write", str(file)]) == 0
    text = capsys.readouterr().out
    assert f"{file}: {COUNT} requests of corpus-" in text
    assert f"vllm run-batch -i {file} -o OUT --model corpus-" in text
    assert [path.name for path in tmp_path.glob("*.jsonl")] == ["requests.jsonl"]


@pytest.mark.usefixtures("profile")
def test_requests_over_the_limits_are_written_to_numbered_files(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(batch_files, "MOST_REQUESTS", 8)
    assert main(["write", str(tmp_path / "requests.jsonl")]) == 0
    files = sorted(tmp_path.glob("*.jsonl"))
    assert [path.name for path in files] == [f"requests-000{number}.jsonl" for number in (1, 2, 3)]
    assert [len(lines_of(path)) for path in files] == [8, 8, 4]
    assert "requests-0003.jsonl: 4 requests" in capsys.readouterr().out


@pytest.fixture
def answered(profile, tmp_path, out):
    """The output for all requests, as lines of which a test makes a file."""
    assert len(SynthesisJobs(profile)) == COUNT
    requests = tmp_path / "requests.jsonl"
    main(["write", str(requests)])
    run_batch(requests, out)
    return [json.loads(line) for line in lines_of(out)]


def take(out, lines):
    out.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return main(["take", str(out)])


def test_answers_that_are_there_are_counted_and_stay_as_they_are(answered, out, capsys):
    assert take(out, answered[:5]) == 0
    for line in answered:
        line["response"]["body"]["choices"][0]["message"]["content"] = "another"
    assert take(out, answered[:7]) == 0
    assert "2 answers added, 5 were there" in capsys.readouterr().out
    with Ledger() as ledger:
        assert [row.answer.text == "another" for row in ledger.rows()] == [False] * 5 + [True] * 2


def test_malformed_lines_are_named_by_their_numbers_and_the_others_are_taken(answered, out, capsys):
    malformed = ["{", "[]", "null", '{"id": 1}', '{"custom_id": 5}', '{"custom_id": "x", "respon']
    assert take(out, [*answered[:2], "", *malformed, *answered[2:]]) == 1
    said = capsys.readouterr()
    assert f"{COUNT} answers added" in said.out
    named = [line.split(": not a line of a batch's output")[0] for line in said.err.splitlines()]
    assert named == [f"{out}: line {number}" for number in range(4, 10)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        # as vLLM and as OpenAI write a failure
        ({"response": {"status_code": 400, "request_id": "x"}, "error": {"error": {"message": "odd"}}}, "1 refused"),
        ({"response": {"status_code": 400, "body": {"error": {"message": "odd"}}}, "error": None}, "1 refused"),
        ({"response": {"status_code": 500, "request_id": "x"}, "error": "odd"}, "1 server_error"),
        ({"response": None, "error": {"code": "batch_expired", "message": "odd"}}, "1 expired"),
        ({"response": {"status_code": 200, "body": "odd"}}, "1 not_a_completion"),
        ({"response": {"status_code": 200, "body": {"choices": [1], "odd": 1}}}, "1 not_a_completion"),
    ],
)
def test_line_without_an_answer_is_unusable_with_its_reason(answered, out, capsys, change, reason):
    answered[3] |= change
    assert take(out, answered) == 0
    said = capsys.readouterr()
    assert f"{COUNT - 1} answers added, 0 were there, 1 unusable" in said.out
    assert reason in said.err
    assert "odd" in said.err


def test_answer_of_another_model_is_unusable(answered, out, capsys):
    for line, name in zip(answered, ("-2024-08-06", "x/y"), strict=False):
        asked = line["response"]["body"]["model"]
        line["response"]["body"]["model"] = asked + name if name.startswith("-") else name
    assert take(out, answered) == 0
    said = capsys.readouterr()
    assert f"{COUNT - 1} answers added, 0 were there, 1 unusable" in said.out
    assert "1 other_model, the last: answered by x/y, not by corpus-" in said.err


def test_lines_of_another_profile_are_refused(answered, out, repository, capsys):
    path = repository / "profiles/tiny.yaml"
    path.write_text(path.read_text().replace("  seed: 0", "  seed: 1"))
    assert take(out, answered) == 1
    assert f"error: batch: none of {COUNT} lines answers a request of corpus-" in capsys.readouterr().err
    with Ledger() as ledger:
        assert len(ledger) == 0


@pytest.mark.usefixtures("profile")
def test_batches_under_way_are_listed_and_noted_when_their_requests_are_written_again(tmp_path, capsys):
    assert main(["status"]) == 0
    assert "no batches" in capsys.readouterr().out
    main(["write", str(tmp_path / "requests.jsonl")])
    model = capsys.readouterr().out.split(" requests of ")[1].split()[0]
    folder = BatchFolder(ledger_path())
    folder.path.mkdir()
    folder.submitted(Batch("name", 7, model, "http://host/v1"), "batch_1")
    assert main(["status"]) == 0
    assert f"batch_1: submitted, 7 requests of {model} at http://host/v1" in capsys.readouterr().out
    assert main(["write", str(tmp_path / "requests.jsonl")]) == 0
    assert "7 requests are in batches" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["take", "no-such-file"], "No such file or directory"),
        (["write", "no/such/folder/x.jsonl"], "No such file or directory"),
    ],
)
@pytest.mark.usefixtures("profile")
def test_file_that_cannot_be_used_is_told_without_a_traceback(command, message, capsys):
    assert main(command) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: batch: ")
    assert message in said


def test_without_prompts_the_stage_to_run_is_told(repository, corpus, capsys):
    (repository / "data/corpus").mkdir(parents=True)
    shutil.copy(corpus, repository / CORPUS)
    assert main(["write", "x.jsonl"]) == 1
    assert f"error: batch: {PROMPTS} does not exist" in capsys.readouterr().err


def test_module_runs_and_its_help_shows_the_way(repository):
    command = [sys.executable, "-m", "stages.synthesis.batch", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=repository)
    assert "vllm run-batch -i FILE -o OUT --model MODEL" in done.stdout
