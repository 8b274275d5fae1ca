"""What is told of a folder of rules before it decides anything: its form, its words, its tests."""
