"""Whoever can write into the registry cannot have code run by those who load a model from it."""

import json
import sys

import pytest
from pyspark.ml import PipelineModel

from churn.errors import ModelMismatch
from churn_io.registry import Registry
from tests.streaming.conftest import CARD, classifier  # noqa: F401  (fixture)


def rewritten(folder, **values):
    """The folder's metadata, with other values."""
    (part,) = (folder / "metadata").glob("part-*")
    part.write_text(json.dumps(json.loads(part.read_text()) | values))
    (folder / "metadata" / f".{part.name}.crc").unlink(missing_ok=True)


@pytest.fixture
def models(spark, classifier, tmp_path):  # noqa: F811
    """A registry whose model is read from its folder: the card has no weights."""
    root = str(tmp_path / "models")
    Registry(spark, root).publish(CARD, classifier)
    return root


@pytest.fixture
def pipeline(models, tmp_path):
    """The folder of a published pipeline."""
    return tmp_path / "models" / CARD.version / "pipeline"


@pytest.fixture
def trap(tmp_path, monkeypatch):
    """A module that leaves a mark when it is imported, as a stage's class could ask for."""
    mark = tmp_path / "it ran"
    folder = tmp_path / "python"
    folder.mkdir()
    (folder / "trap_of_a_stage.py").write_text(f"open({str(mark)!r}, 'w')\nclass Stage: pass\n")
    monkeypatch.syspath_prepend(str(folder))
    yield mark
    sys.modules.pop("trap_of_a_stage", None)


def test_a_class_that_a_stage_names_is_not_imported(spark, models, pipeline, trap):
    (stage,) = (pipeline / "stages").iterdir()
    rewritten(stage, **{"class": "trap_of_a_stage.Stage"})
    rewritten(pipeline, paramMap={"language": "Python", "stageUids": [stage.name.partition("_")[2]]})
    with pytest.raises(ModelMismatch, match=r"names the classes .* and trap_of_a_stage\.Stage.* is not loaded"):
        Registry(spark, models).load(CARD.version)
    assert not trap.exists()
    with pytest.raises(AttributeError):  # the trap has no reader; Spark's own way had imported it before it knew
        PipelineModel.load(str(pipeline))
    assert trap.exists()


@pytest.mark.parametrize(
    "named", ["org.apache.spark.ml.feature.SQLTransformer", "java.lang.ProcessBuilder", "pyspark.ml.pipeline.Pipeline"]
)
@pytest.mark.parametrize("part", ["pipeline", "stage"])
def test_a_java_class_that_is_none_of_our_learners_is_refused(spark, models, pipeline, part, named):
    (stage,) = (pipeline / "stages").iterdir()
    rewritten(pipeline if part == "pipeline" else stage, **{"class": named})
    with pytest.raises(ModelMismatch, match=f"{named}.*find out who wrote it"):
        Registry(spark, models).load(CARD.version)


def test_a_second_stage_is_refused(spark, models, pipeline):
    (stage,) = (pipeline / "stages").iterdir()
    (stage.parent / "1_more").mkdir()
    with pytest.raises(ModelMismatch, match="not a complete Spark pipeline"):
        Registry(spark, models).load(CARD.version)
