"""Builds one ONNX graph, node by node.

Every tensor is known by its name, a Tensor. Names inside the graph start with
``_`` and are numbered, so that a column may be called anything; inputs and
outputs keep the names they are given.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NewType

import numpy as np
import onnx
from onnx import (
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    helper,
    numpy_helper,
)

TARGET_OPSET = 21
TARGET_OPSET_ML = 5
IR_VERSION = 10
OLDEST_RUNTIME = "1.21"
"""The first onnxruntime (March 2025) that reads all three and runs every graph of ours:
1.20 has no TreeEnsemble of ai.onnx.ml 5, which has a double kernel.
"""

DEPRECATED = {"TreeEnsembleClassifier", "TreeEnsembleRegressor"}
"""ai.onnx.ml 5 has TreeEnsemble in their place."""


Tensor = NewType("Tensor", str)
"""The name of a tensor in a graph under construction; "" where an input is left out."""


class Graph:
    """A graph under construction; `model` closes it."""

    def __init__(self) -> None:
        self._nodes: list[NodeProto] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], Tensor] = {}
        self._initializers: list[TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._taken: set[str] = set()
        self._opsets = {"": TARGET_OPSET, "ai.onnx.ml": TARGET_OPSET_ML}

    def input(self, name: str, dtype: int) -> Tensor:
        """Add an input of shape (n_rows, 1); `dtype` is a TensorProto.DataType."""
        self._inputs.append(helper.make_tensor_value_info(name, dtype, ["n_rows", 1]))
        self._taken.add(name)
        return Tensor(name)

    def add(
        self, op: str, *inputs: Tensor, domain: str = "", **attributes: Any
    ) -> Tensor:
        """Add a node with one output and return the output's name."""
        return self.add_many(op, *inputs, n_outputs=1, domain=domain, **attributes)[0]

    def add_many(
        self,
        op: str,
        *inputs: Tensor,
        n_outputs: int,
        domain: str = "",
        **attributes: Any,
    ) -> list[Tensor]:
        """Add a node with several outputs and return their names."""
        self._opsets.setdefault(domain, 1)  # com.microsoft has no other
        outputs = [self._fresh(op.lower()) for _ in range(n_outputs)]
        node = helper.make_node(op, list(inputs), outputs, domain=domain, **attributes)
        self._nodes.append(_named(node))
        return outputs

    def constant(self, values: Any, dtype: Any = np.float64) -> Tensor:
        """Add an initializer, in double unless said, or find the equal one."""
        array = np.asarray(values, dtype)
        tensor = numpy_helper.from_array(array)
        key = (str(array.dtype), array.shape, tensor.SerializeToString())
        if key not in self._constants:
            tensor.name = self._constants[key] = self._fresh("constant")
            self._initializers.append(tensor)
        return self._constants[key]

    def splice(self, model: ModelProto, feed: Mapping[str, Tensor]) -> list[Tensor]:
        """Add a whole foreign graph and return the names of its outputs here.

        Parameters
        ----------
        model
            From skl2onnx, onnxmltools or a library's own exporter.
        feed
            Its input names → the tensors of this graph that take their place.

        Raises
        ------
        ValueError
            It is written in an opset, or with an operator, that this graph has not.
        """
        self._import_opsets(model)
        names = dict(feed)
        for initializer in model.graph.initializer:
            names[initializer.name] = self._fresh("constant")
            tensor = TensorProto()
            tensor.CopyFrom(initializer)
            tensor.name = names[initializer.name]
            self._initializers.append(tensor)
        self._nodes += [self._renamed(node, names) for node in model.graph.node]
        return [names[output.name] for output in model.graph.output]

    def _import_opsets(self, model: ModelProto) -> None:
        """Refuse nodes that would mean something else under this graph's opsets.

        Raises
        ------
        ValueError
            If the foreign graph has another opset than `TARGET_OPSET`, or nodes that
            ai.onnx.ml has no more.
        """
        versions = {opset.domain: opset.version for opset in model.opset_import}
        if versions.get("", TARGET_OPSET) != TARGET_OPSET:
            raise ValueError(f"the foreign graph has opset {versions['']}")
        gone = {node.op_type for node in model.graph.node} & DEPRECATED
        if gone:
            raise ValueError(f"ai.onnx.ml {TARGET_OPSET_ML} has no {sorted(gone)}")
        for domain, version in versions.items():
            self._opsets.setdefault(domain, version)

    def _renamed(self, node: NodeProto, names: dict[str, Tensor]) -> NodeProto:
        """Copy a node; `names` learns its outputs, and is what it reads from."""
        copy = NodeProto()
        copy.CopyFrom(node)
        for attribute in copy.attribute:
            for subgraph in (attribute.g, *attribute.graphs):
                if subgraph.ListFields():
                    self._rename_inside(subgraph, names)
        copy.input[:] = [names[name] if name else "" for name in node.input]
        for name in filter(None, node.output):
            names[name] = self._fresh(node.op_type.lower())
        copy.output[:] = [names[name] if name else "" for name in node.output]
        return _named(copy)

    def _rename_inside(self, subgraph: GraphProto, outer: Mapping[str, Tensor]) -> None:
        """Rename the body of an If, Loop or Scan, which reads outer names too."""
        names = dict(outer)
        for value in (*subgraph.input, *subgraph.initializer):
            names[value.name] = self._fresh("inner")
            value.name = names[value.name]
        nodes = [self._renamed(node, names) for node in subgraph.node]
        del subgraph.node[:], subgraph.value_info[:]
        subgraph.node.extend(nodes)
        for value in subgraph.output:
            value.name = names[value.name]

    def output(
        self, name: str, tensor: Tensor, dtype: int, shape: Sequence[int | str]
    ) -> None:
        """Declare an output; `shape` starts with "n_rows"."""
        self._nodes.append(_named(helper.make_node("Identity", [tensor], [name])))
        self._outputs.append(helper.make_tensor_value_info(name, dtype, list(shape)))
        self._taken.add(name)

    def model(self) -> ModelProto:
        """Return the checked model, without what no output needs."""
        graph = helper.make_graph(
            self._needed_nodes(), "pinion", self._inputs, self._outputs, []
        )
        used = {name for node in graph.node for name in _reads(node)}
        graph.initializer.extend(t for t in self._initializers if t.name in used)
        opsets = [helper.make_opsetid(*item) for item in sorted(self._opsets.items())]
        model = helper.make_model(
            graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="pinion"
        )
        onnx.checker.check_model(model)
        return model

    def _needed_nodes(self) -> list[NodeProto]:
        needed = {output.name for output in self._outputs}
        kept = []
        for node in reversed(self._nodes):
            if needed.intersection(node.output):
                needed.update(_reads(node))
                kept.append(node)
        return kept[::-1]

    def _fresh(self, stem: str) -> Tensor:
        name = f"_{stem}_{len(self._taken)}"
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return Tensor(name)


def _named(node: NodeProto) -> NodeProto:
    """Name a node after its first output, which no other node has.

    onnxruntime 1.21 names what it fuses after the nodes, and refuses two equal names.
    """
    node.name = next(filter(None, node.output))
    return node


def _reads(node: NodeProto) -> set[str]:
    """Return the names that a node and its subgraphs read."""
    names = set(node.input)
    for attribute in node.attribute:
        for subgraph in (attribute.g, *attribute.graphs):
            names.update(output.name for output in subgraph.output)
            for inner in subgraph.node:
                names |= _reads(inner)
    return names
