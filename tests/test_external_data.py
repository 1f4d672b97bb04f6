"""A hand-made file for each way from a model to a tensor."""

from collections.abc import Callable

import onnx
import pytest
from onnx import AttributeProto, ModelProto, TensorProto, helper

from convert.graph.builder import Graph
from convert.model_file import write_model_file
from server.model import Model, UnservableModel
from server.model_file.external_data import has_external_data
from server.signature import Feature
from tests.models import make_model, make_signature

Place = Callable[[ModelProto], None]


def elsewhere() -> TensorProto:
    """Return a tensor that stands in a file of the system."""
    tensor = TensorProto(name="leak", data_type=TensorProto.UINT8, dims=[8])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="etc/passwd")
    return tensor


def node(**attributes: AttributeProto) -> onnx.NodeProto:
    made = helper.make_node("Constant", [], ["c"])
    made.attribute.extend(attributes.values())
    return made


def sparse() -> onnx.SparseTensorProto:
    return onnx.SparseTensorProto(values=elsewhere(), dims=[8])


def inner_graph() -> onnx.GraphProto:
    return helper.make_graph([], "inner", [], [], [elsewhere()])


def in_initializer(model: ModelProto) -> None:
    model.graph.initializer.append(elsewhere())


def in_sparse_values(model: ModelProto) -> None:
    model.graph.sparse_initializer.append(sparse())


def in_sparse_indices(model: ModelProto) -> None:
    tensor = onnx.SparseTensorProto(indices=elsewhere(), dims=[8])
    model.graph.sparse_initializer.append(tensor)


def in_attribute(model: ModelProto) -> None:
    model.graph.node.append(node(a=AttributeProto(name="value", t=elsewhere())))


def in_attribute_list(model: ModelProto) -> None:
    attribute = AttributeProto(name="values", tensors=[elsewhere()])
    model.graph.node.append(node(a=attribute))


def in_attribute_behind_numbers(model: ModelProto) -> None:
    numbers = AttributeProto(name="a", ints=[0, 300, -1, 2**62], floats=[1.5, -0.0])
    numbers.tensors.append(elsewhere())
    model.graph.node.append(node(a=numbers))


def in_sparse_attribute(model: ModelProto) -> None:
    attribute = AttributeProto(name="value", sparse_tensor=sparse())
    model.graph.node.append(node(a=attribute))


def in_sparse_attribute_list(model: ModelProto) -> None:
    attribute = AttributeProto(name="value", sparse_tensors=[sparse()])
    model.graph.node.append(node(a=attribute))


def in_subgraph(model: ModelProto) -> None:
    model.graph.node.append(node(a=AttributeProto(name="then", g=inner_graph())))


def in_subgraph_list(model: ModelProto) -> None:
    attribute = AttributeProto(name="many", graphs=[inner_graph()])
    model.graph.node.append(node(a=attribute))


def in_subgraph_of_subgraph(model: ModelProto) -> None:
    outer = helper.make_graph([], "outer", [], [])
    outer.node.append(node(a=AttributeProto(name="then", g=inner_graph())))
    model.graph.node.append(node(a=AttributeProto(name="then", g=outer)))


def in_function(model: ModelProto) -> None:
    function = model.functions.add(name="f", domain="d")
    function.node.append(node(a=AttributeProto(name="value", t=elsewhere())))


def in_default_of_function(model: ModelProto) -> None:
    function = model.functions.add(name="f", domain="d")
    function.attribute_proto.append(AttributeProto(name="value", t=elsewhere()))


def in_training(model: ModelProto) -> None:
    model.training_info.add().initialization.CopyFrom(inner_graph())


PLACES = [value for name, value in sorted(globals().items()) if name.startswith("in_")]


@pytest.mark.parametrize("place", PLACES)
def test_external_data_is_found_wherever_it_stands(place: Place) -> None:
    model = onnx.load_from_string(make_model())
    place(model)

    assert has_external_data(model.SerializeToString())


@pytest.mark.parametrize("place", PLACES)
def test_a_sealed_file_with_external_data_is_refused_in_one_sentence(
    place: Place,
) -> None:
    model = onnx.load_from_string(make_model())
    place(model)

    with pytest.raises(UnservableModel) as refusal:
        Model.from_content(write_model_file(model, make_signature()))

    assert str(refusal.value) == (
        "numbers of the graph stand in another file (external data), and a model is "
        "one file; export it again with python -m convert"
    )


def test_a_location_alone_is_external_data() -> None:
    tensor = TensorProto(name="t", data_type=TensorProto.UINT8, dims=[1])
    tensor.external_data.add(key="location", value="a")
    model = ModelProto()
    model.graph.initializer.append(tensor)

    assert has_external_data(model.SerializeToString())


def test_a_tensor_that_is_elsewhere_without_saying_where_is_external_data() -> None:
    tensor = TensorProto(name="location", data_type=TensorProto.UINT8, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    model = ModelProto()
    model.graph.initializer.append(tensor)

    assert has_external_data(model.SerializeToString())


def test_a_tensor_whose_values_stand_here_is_none() -> None:
    tensor = TensorProto(name="location", data_type=TensorProto.UINT8, dims=[1])
    tensor.data_location = TensorProto.DEFAULT
    model = ModelProto()
    model.graph.initializer.append(tensor)

    assert not has_external_data(model.SerializeToString())


def test_a_feature_called_location_is_no_external_data() -> None:
    graph = Graph()
    score = graph.input("location", TensorProto.DOUBLE)
    graph.output("prediction", score, TensorProto.DOUBLE, ["n_rows", 1])
    feature = Feature(name="location", input="location", kind="number")
    signature = make_signature(features=(feature,))

    content = write_model_file(graph.model(), signature)

    assert b"location" in content
    assert not has_external_data(content)
