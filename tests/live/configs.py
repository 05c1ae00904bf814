"""The shipped configuration with tables of a test's laid over it."""
from servers import ROOT


def lua(value):
    """A Python value as a Lua literal."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {lua(v)}" for name, v in value.items()) + " }"
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)


def with_tables(folder, **tables):
    """Path of a file: etc/camgate.lua, but `name = {...}` for each table given."""
    path = folder / "camgate.lua"
    path.write_text("local conf = (function()\n" + (ROOT / "etc/camgate.lua").read_text() + "\nend)()\n"
                    + "".join(f"conf.{name} = {lua(table)}\n" for name, table in tables.items())
                    + "return conf\n")
    return path
