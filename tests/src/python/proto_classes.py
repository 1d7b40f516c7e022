"""Python's classes of `shop.proto` and `money.proto`, compiled into a directory that is gone afterwards."""

import importlib
import pathlib
import sys
import tempfile

import grpc_tools
from grpc_tools import protoc

_HERE = pathlib.Path(__file__).parent

with tempfile.TemporaryDirectory() as directory:
    known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    arguments = ["protoc", f"-I{_HERE}", f"-I{known}", f"--python_out={directory}", "shop.proto", "money.proto"]
    assert protoc.main(arguments) == 0, "protoc failed"
    sys.path.insert(0, directory)
    shop = importlib.import_module("shop_pb2")
    money = importlib.import_module("money_pb2")
    sys.path.remove(directory)
