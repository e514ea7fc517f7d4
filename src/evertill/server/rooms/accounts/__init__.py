"""People, their roles in the tree, API tokens; and `command`, through which every act of a person passes."""
