"""What the internet may reach: WeChat's callbacks. Stores first, then acknowledges; works on nothing itself."""
