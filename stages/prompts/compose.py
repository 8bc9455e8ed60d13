"""Makes the requests of the second step: what each starts from, how it varies, and its prompt."""

from collections.abc import Iterator
from itertools import islice

from stages.prompts.languages import check_languages
from stages.prompts.mixing import interleave
from stages.prompts.starts import Start, open_starts
from stages.prompts.variants import Variant, Variants
from stages.prompts.wording import write_prompt
from stages.shared.files import content_id
from stages.shared.records import ChatRequest, Document, Task
from stages.shared.settings import Prompts
from stages.shared.text import RETRIEVAL_INSTRUCTION


def compose(tasks: list[Task], documents: list[Document], prompts: Prompts, seed: int) -> Iterator[ChatRequest]:
    """`prompts.samples` requests, each made when it is asked for.

    More samples append requests and change none of the earlier ones. Raises UserError, before the first request, for
    a language without a name and for a source that lacks tasks or documents.
    """
    check_languages(prompts.languages)
    shares = {source: share for source, share in prompts.sources.model_dump().items() if share}
    starts = open_starts(list(shares), tasks, documents, seed)
    variants = Variants(prompts, seed)

    def requests() -> Iterator[ChatRequest]:
        for source in islice(interleave(shares), prompts.samples):
            start = next(starts[source])
            yield _request(source, start, variants.draw(start.kind))

    return requests()


def _request(source: str, start: Start, variant: Variant) -> ChatRequest:
    instruction = start.task.description if start.task else RETRIEVAL_INSTRUCTION
    content = {
        "source": source,
        "task_id": start.task.id if start.task else "",
        "seed_id": start.document.id if start.document else "",
        "kind": start.kind,
        "language": variant.language,
        "query_words": variant.query_words,
        "document_words": variant.document_words,
        "instruction": instruction,
        "prompt": write_prompt(source, start.kind, instruction, variant, start.document),
    }
    # A task can come again with the same variant, and its prompt is the same then, but the request is another one.
    return ChatRequest(content_id(*map(str, content.values()), str(start.repeat)), **content)
