"""Sentence embeddings: alone or among others, a text has the same bytes; what is missing is said."""

import numpy as np
import pytest

from assay.errors import BadInput
from assay.models import embeddings

needs = pytest.mark.skipif(
    not embeddings.available(), reason="the packages of the extra `embeddings` are not installed"
)


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "available", lambda: False)
    with pytest.raises(BadInput, match="pip install"):
        embeddings.model_path()


def test_another_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    if not embeddings.available():
        pytest.skip("the packages of the extra `embeddings` are not installed")
    monkeypatch.setattr(embeddings, "MODEL_SHA256", "0" * 64)
    with pytest.raises(BadInput, match="another digest"):
        embeddings.model_path()


@needs
def test_meaning_is_near_and_neighbours_do_not_matter() -> None:
    texts = ["I want my money back", "Please refund me", "The weather is nice", ""]
    model = embeddings.MiniLM()
    together, alone = model.embed(texts), embeddings.MiniLM().embed(texts[1:2])
    assert together.shape == (4, embeddings.DIMENSION)
    assert together[1].tobytes() == alone[0].tobytes()
    assert together[0] @ together[1] > 0.5 > 0.2 > together[0] @ together[2]
    assert np.allclose(np.linalg.norm(together, axis=1), [1, 1, 1, 0], atol=1e-5)


@needs
def test_threads_do_not_change_a_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"I would like {n} tickets for the {'concert' if n % 2 else 'museum'}" for n in range(embeddings.FEW + 9)]
    monkeypatch.setenv("ASSAY_THREADS", "3")
    threaded = embeddings.MiniLM().embed(texts)
    monkeypatch.setenv("ASSAY_THREADS", "1")
    assert threaded.tobytes() == embeddings.MiniLM().embed(texts).tobytes()
